import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { ConnectionWindow } from '../../src/flow/connection-window.ts'
import { baseWindow, ReceiveBudget } from '../../src/flow/receive-budget.ts'
import { StreamWindow } from '../../src/flow/stream-window.ts'
import { WindowTuner } from '../../src/flow/window-tuner.ts'

const mebibyte = 1024 * 1024

/** A connection whose peer obeys every window at once. */
class Peer {
  readonly window: ConnectionWindow
  readonly tuner: WindowTuner
  readonly streams: StreamWindow[] = []
  readonly #budget: ReceiveBudget
  #initial = mebibyte

  constructor(budget: ReceiveBudget) {
    this.#budget = budget
    this.window = new ConnectionWindow(budget)
    this.tuner = new WindowTuner({
      clock: createVirtualClock(),
      budget,
      streamWindow: mebibyte,
      connectionWindow: 4 * mebibyte,
      maxWindow: 16 * mebibyte,
    })
    this.#initial = this.tuner.announced
    this.window.raise(this.tuner.connectionWindow)
  }

  roomAgain(): void {
    this.window.retry()
    if (this.window.withheld) this.#budget.wait(this)
  }

  open(): void {
    this.streams.push(new StreamWindow(this.#budget, this.#initial))
    this.#announce()
  }

  /** As much as both windows allow, in one frame of up to 16 KiB. @returns how much that was. */
  send(stream: StreamWindow): number {
    const bytes = Math.max(0, Math.min(16_384, stream.credit, this.window.credit))
    if (bytes === 0) return 0
    assert.ok(stream.received(bytes))
    const increment = this.window.received(bytes)
    assert.notEqual(increment, -1)
    if (this.window.withheld) this.#budget.wait(this)
    if (increment > 0) this.#announce()
    return bytes
  }

  read(stream: StreamWindow, bytes: number): void {
    const taken = Math.min(bytes, stream.unread)
    stream.read(taken, Math.min(this.#initial, this.tuner.announced))
    this.window.read(taken)
  }

  reset(stream: StreamWindow): void {
    this.streams.splice(this.streams.indexOf(stream), 1)
    this.window.read(stream.close())
  }

  #announce(): void {
    const window = this.tuner.announce()
    if (window < 0) return
    for (const stream of this.streams) stream.adjust(window - this.#initial)
    this.#initial = window
  }
}

test('500 streams that nobody reads stay within the budget, on one connection or on ten', () => {
  for (const connections of [1, 10]) {
    const budget = new ReceiveBudget(64 * mebibyte)
    const peers = Array.from({ length: connections }, () => new Peer(budget))
    for (const peer of peers) for (let i = 0; i < 500 / connections; i++) peer.open()
    let sent = 1
    for (let round = 0; sent > 0; round++) {
      assert.ok(round < 100, 'credit never ends')
      sent = 0
      for (const peer of peers) for (const stream of peer.streams) sent += peer.send(stream)
    }
    assert.ok(budget.unread > 8 * mebibyte)
    assert.ok(budget.peak <= budget.bytes * 1.1, `${budget.peak}`)
    // A newcomer is served all the same.
    const other = new Peer(budget)
    other.open()
    const stream = other.streams[0] as StreamWindow
    let served = 0
    for (let i = 0; i < 200; i++) {
      const bytes = other.send(stream)
      served += bytes
      other.read(stream, bytes)
    }
    assert.ok(served >= 100 * 4096, `${served}`)
    assert.ok(budget.peak <= budget.bytes * 1.1)
  }
})

test('whatever arrives and whoever reads, the budget holds and its sums are right', () => {
  const action = fc.record({
    kind: fc.constantFrom('open', 'send', 'send', 'flood', 'read', 'expect', 'reset', 'answer'),
    peer: fc.nat(3),
    stream: fc.nat(30),
    bytes: fc.nat(400_000),
  })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
      const budget = new ReceiveBudget(4 * mebibyte)
      const peers = Array.from({ length: 4 }, () => new Peer(budget))
      for (const { kind, peer: index, stream: at, bytes } of actions) {
        const peer = peers[index] as Peer
        const stream = peer.streams[at % Math.max(1, peer.streams.length)]
        if (kind === 'open' || stream === undefined) peer.open()
        else if (kind === 'send') peer.send(stream)
        else if (kind === 'flood') for (let i = 0; i < 1000 && peer.send(stream) > 0; i++);
        else if (kind === 'read') peer.read(stream, bytes)
        else if (kind === 'expect') stream.expect(bytes)
        else if (kind === 'reset') peer.reset(stream)
        else {
          peer.tuner.received(bytes)
          if (peer.tuner.answered()) peer.window.raise(peer.tuner.connectionWindow)
        }
        const sum = (of: (peer: Peer) => number): number =>
          peers.reduce((total, each) => total + of(each), 0)
        assert.equal(
          budget.unread,
          sum((each) => each.window.unread),
        )
        assert.equal(
          budget.unread,
          sum((each) => each.streams.reduce((total, one) => total + one.unread, 0)),
        )
        assert.equal(
          budget.credit,
          sum((each) => each.window.credit),
        )
        assert.equal(
          budget.streams,
          sum((each) => each.streams.length),
        )
        assert.ok(budget.promised >= 0 && budget.promised <= budget.bytes / 2)
        assert.ok(budget.peak <= budget.bytes * 1.1)
        // A peer whose bytes were all read can always send.
        for (const each of peers) assert.ok(each.window.unread > 0 || each.window.credit > 0)
      }
      for (const peer of peers) {
        while (peer.streams[0] !== undefined) peer.reset(peer.streams[0])
        budget.leave(peer)
        peer.window.close()
      }
      const { unread, credit, windows, promised, streams } = budget
      assert.deepEqual([unread, credit, windows, promised, streams], [0, 0, 0, 0, 0])
      assert.ok(4 * baseWindow < budget.bytes / 10)
    }),
    { numRuns: 200 },
  )
})
