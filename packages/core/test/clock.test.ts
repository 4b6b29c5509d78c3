import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock, realClock } from '@tidemill/core'

describe('virtual clock', () => {
  it('stands still until it is moved', () => {
    const clock = createVirtualClock(1000)
    assert.equal(clock.now(), 1000)
    assert.equal(clock.monotonic(), 0)
  })

  it('runs due timers in order of time, then of making, each at its own time', async () => {
    const clock = createVirtualClock()
    const ran: string[] = []
    clock.timer(20, () => ran.push(`late@${clock.monotonic()}`))
    clock.timer(10, () => ran.push(`first@${clock.monotonic()}`))
    clock.timer(10, () => ran.push(`second@${clock.monotonic()}`))
    clock.timer(31, () => ran.push('never'))
    await clock.advance(30)
    assert.deepEqual(ran, ['first@10', 'second@10', 'late@20'])
    assert.equal(clock.monotonic(), 30)
    assert.equal(clock.pending, 1)
  })

  it('runs timers that a timer or a settled promise sets within the advance', async () => {
    const clock = createVirtualClock()
    const ran: number[] = []
    const work = (async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10)
        ran.push(clock.monotonic())
      }
    })()
    await clock.advance(30)
    await work
    assert.deepEqual(ran, [10, 20, 30])
  })

  it('does not run a cancelled timer', async () => {
    const clock = createVirtualClock()
    const timer = clock.timer(1, () => assert.fail('it ran'))
    timer.cancel()
    timer.cancel()
    await clock.advance(5)
    assert.equal(clock.pending, 0)
  })

  it('steps wall time alone', async () => {
    const clock = createVirtualClock(5000)
    await clock.advance(10)
    clock.step(-4000)
    assert.equal(clock.now(), 1010)
    assert.equal(clock.monotonic(), 10)
  })

  it('rejects a sleep with the reason of its signal and forgets the timer', async () => {
    const clock = createVirtualClock()
    const controller = new AbortController()
    const reason = new Error('enough')
    const sleeping = assert.rejects(clock.sleep(1000, { signal: controller.signal }), reason)
    controller.abort(reason)
    await sleeping
    assert.equal(clock.pending, 0)
    await assert.rejects(clock.sleep(1, { signal: controller.signal }), reason)
  })
})

describe('real clock', () => {
  it('never goes back and waits at least about as long as asked', async () => {
    const before = realClock.monotonic()
    await realClock.sleep(5)
    assert.ok(realClock.monotonic() - before >= 4)
    assert.ok(Number.isInteger(realClock.now()))
  })

  it('keeps a delay beyond 2^31 - 1 ms waiting instead of running it at once', async () => {
    const timer = realClock.timer(2 ** 40, () => assert.fail('it ran'), { ref: false })
    await realClock.sleep(3)
    timer.cancel()
  })
})
