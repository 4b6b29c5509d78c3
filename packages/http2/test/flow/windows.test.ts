import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { BlockedTime } from '../../src/flow/blocked-time.ts'
import { ConnectionWindow } from '../../src/flow/connection-window.ts'
import { baseWindow, ReceiveBudget } from '../../src/flow/receive-budget.ts'
import { StreamWindow } from '../../src/flow/stream-window.ts'
import { WindowTuner } from '../../src/flow/window-tuner.ts'

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

describe('the connection window', () => {
  test('gives credit back on receipt, a quarter of the window at a time', () => {
    const window = new ConnectionWindow(new ReceiveBudget(256 * mebibyte))
    assert.equal(window.raise(4 * mebibyte), 4 * mebibyte - baseWindow)
    assert.equal(window.received(mebibyte - 1), 0)
    assert.equal(window.received(1), mebibyte)
    assert.equal(window.credit, 4 * mebibyte)
    assert.equal(window.unread, mebibyte)
    assert.equal(window.read(mebibyte), 0)
  })

  test('refuses what exceeds the credit', () => {
    const window = new ConnectionWindow(new ReceiveBudget(mebibyte))
    assert.equal(window.received(baseWindow + 1), -1)
    assert.ok(window.received(baseWindow) > 0)
  })

  test('withholds credit at the budget and gives it when the application reads', () => {
    const budget = new ReceiveBudget(mebibyte)
    const window = new ConnectionWindow(budget)
    let unread = 0
    window.raise(512 * kibibyte)
    while (!window.withheld) {
      const bytes = Math.min(window.credit, 16_384)
      assert.ok(window.received(bytes) >= 0)
      unread += bytes
    }
    assert.ok(budget.unread + budget.credit <= mebibyte)
    let given = 0
    for (; unread > 0; unread -= 16_384) given += window.read(Math.min(unread, 16_384))
    assert.ok(given > 0)
    assert.equal(window.withheld, false)
  })

  test('of another connection gets its turn when one has read', () => {
    const budget = new ReceiveBudget(mebibyte)
    const [busy, idle] = [new ConnectionWindow(budget), new ConnectionWindow(budget)]
    busy.raise(256 * kibibyte)
    let unread = 0
    while (!busy.withheld) {
      const bytes = Math.min(busy.credit, 16_384)
      busy.received(bytes)
      unread += bytes
    }
    idle.raise(200 * kibibyte)
    assert.equal(idle.withheld, true)
    let given = 0
    budget.wait({
      roomAgain() {
        given += idle.retry()
      },
    })
    busy.read(unread)
    assert.ok(given > 0)
  })

  test('is asked in its turn, one refusal a read, however many wait', () => {
    const budget = new ReceiveBudget(mebibyte)
    budget.arrived(1000)
    const asked: number[] = []
    const member = (id: number): { roomAgain(): void } => ({
      roomAgain() {
        asked.push(id)
        if (id > 0) budget.wait(this)
      },
    })
    for (const id of [0, 1, 2, 3]) budget.wait(member(id))
    budget.read(10)
    assert.deepEqual(asked, [0, 1])
    budget.read(10)
    budget.read(10)
    budget.read(10)
    assert.deepEqual(asked, [0, 1, 2, 3, 1])
  })

  test('keeps 65,535 bytes going even where the budget is used up by others', () => {
    const budget = new ReceiveBudget(100_000)
    const hog = new ConnectionWindow(budget)
    const window = new ConnectionWindow(budget)
    hog.received(65_000)
    for (let i = 0; i < 100; i++) {
      assert.ok(window.received(16_000) >= 0)
      window.read(16_000)
    }
    assert.ok(budget.unread + budget.credit <= 2 * baseWindow)
  })

  test('takes back everything when it closes', () => {
    const budget = new ReceiveBudget(16 * mebibyte)
    const window = new ConnectionWindow(budget)
    window.raise(mebibyte)
    window.received(300_000)
    window.close()
    assert.deepEqual([budget.unread, budget.credit, budget.windows], [0, 0, 0])
  })
})

test('idle connections get half of the budget at most, beside what the protocol gives them', () => {
  const budget = new ReceiveBudget(256 * mebibyte)
  for (let i = 0; i < 1000; i++) new ConnectionWindow(budget).raise(4 * mebibyte)
  assert.ok(budget.windows <= 128 * mebibyte + 1000 * baseWindow)
  assert.ok(budget.credit <= budget.windows)
})

describe('a stream window', () => {
  test('gives credit back when the application has read a quarter', () => {
    const window = new StreamWindow(new ReceiveBudget(256 * mebibyte), mebibyte)
    assert.equal(window.received(mebibyte), true)
    assert.equal(window.received(1), false)
    assert.equal(window.read(100_000, mebibyte), 0)
    assert.equal(window.read(200_000, mebibyte), 300_000)
    assert.equal(window.credit, 300_000)
    assert.equal(window.unread, mebibyte - 300_000)
  })

  test('takes an empty frame without credit', () => {
    const window = new StreamWindow(new ReceiveBudget(mebibyte), 0)
    assert.equal(window.received(0), true)
    assert.equal(window.received(1), false)
  })

  test('is extended at once for a message that it cannot hold', () => {
    const budget = new ReceiveBudget(256 * mebibyte)
    const window = new StreamWindow(budget, mebibyte)
    assert.equal(window.expect(mebibyte), 0)
    assert.equal(window.expect(4 * mebibyte), 3 * mebibyte)
    assert.equal(window.expect(4 * mebibyte), 0)
    assert.equal(budget.promised, 3 * mebibyte)
    assert.equal(window.received(4 * mebibyte), true)
    assert.equal(budget.promised, 0)
    assert.equal(window.read(4 * mebibyte, mebibyte), mebibyte)
  })

  test('is not extended while there is no room, and gives up its promise when it closes', () => {
    const budget = new ReceiveBudget(8 * mebibyte)
    const first = new StreamWindow(budget, 1000)
    const second = new StreamWindow(budget, 1000)
    assert.ok(first.expect(3 * mebibyte) > 0)
    assert.equal(second.expect(2 * mebibyte), -1)
    first.close()
    assert.ok(second.expect(2 * mebibyte) > 0)
    assert.equal(budget.streams, 1)
  })

  test('follows the initial window, below zero too', () => {
    const window = new StreamWindow(new ReceiveBudget(mebibyte), 65_535)
    window.received(60_000)
    window.adjust(10_000 - 65_535)
    assert.equal(window.credit, 10_000 - 60_000)
    assert.equal(window.read(60_000, 10_000), 60_000)
    assert.equal(window.credit, 10_000)
  })
})

describe('the tuner', () => {
  const tuner = (budget: ReceiveBudget, maxWindow = 16 * mebibyte): WindowTuner =>
    new WindowTuner({
      clock: createVirtualClock(),
      budget,
      streamWindow: mebibyte,
      connectionWindow: 4 * mebibyte,
      maxWindow,
    })

  test('stays at the configured windows without tuning, and sends no PING', () => {
    const fixed = tuner(new ReceiveBudget(256 * mebibyte), 0)
    assert.equal(fixed.received(mebibyte), false)
    assert.equal(fixed.answered(), false)
    assert.deepEqual([fixed.announced, fixed.connectionWindow], [mebibyte, 4 * mebibyte])
    assert.deepEqual([fixed.rttMs, fixed.bdp, fixed.bytesPerSecond], [0, 0, 0])
  })

  test('shrinks the streams when unread bytes fill a quarter of the budget, and restores them', () => {
    const budget = new ReceiveBudget(256 * mebibyte)
    const subject = tuner(budget)
    budget.streams = 500
    assert.equal(subject.announce(), -1)
    budget.unread = 65 * mebibyte
    const small = subject.announce()
    assert.ok(small > 0 && small <= 64 * kibibyte, `${small}`)
    budget.unread = 127 * mebibyte
    assert.equal(subject.announce(), 4096)
    budget.unread = 0
    assert.equal(subject.announce(), mebibyte)
    assert.equal(subject.announce(), -1)
  })
})

test('time in which somebody is blocked counts once, however many are', async () => {
  const clock = createVirtualClock()
  const blocked = new BlockedTime(clock)
  blocked.enter()
  await clock.advance(10)
  blocked.enter()
  await clock.advance(10)
  blocked.leave()
  assert.equal(blocked.ms, 20)
  blocked.leave()
  await clock.advance(100)
  assert.equal(blocked.ms, 20)
  assert.equal(blocked.count, 0)
})
