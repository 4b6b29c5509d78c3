import type { Clock } from '@tidemill/core'
import { bdpPing } from '../flow/bdp-estimator.ts'
import { ConnectionWindow } from '../flow/connection-window.ts'
import type { BudgetMember, ReceiveBudget } from '../flow/receive-budget.ts'
import { StreamWindow } from '../flow/stream-window.ts'
import { WindowTuner } from '../flow/window-tuner.ts'
import { defaultWindow } from './frame.ts'
import type { Sender } from './sender.ts'
import type { StreamState } from './stream-state.ts'

/** SETTINGS on their way at a time. */
const mostWaiting = 4

/** What receiving needs of its connection. */
export interface ReceivingOwner {
  /** Sends a PING and calls back upon its answer. */
  measure(payload: Buffer, done: () => void): void
  /** SETTINGS that the peer has not acknowledged. */
  readonly settingsWaiting: number
  /** Sends SETTINGS_INITIAL_WINDOW_SIZE; `acknowledged` follows. */
  announceWindow(bytes: number): void
  /** Output was written outside of `feed`. */
  wake(): void
}

/**
 * What the peer may send us. Credit of the connection goes back when data arrives, so that one stream that nobody
 * reads cannot starve the others; credit of a stream goes back when its data is consumed.
 */
export class Receiving implements BudgetMember {
  readonly connection: ConnectionWindow
  readonly tuner: WindowTuner
  /** Bytes of data received, without padding. */
  dataBytes = 0
  readonly #owner: ReceivingOwner
  readonly #sender: Sender
  readonly #budget: ReceiveBudget
  /** The initial window that the peer has acknowledged. */
  #acknowledged: number = defaultWindow
  /** Streams whose `expect` the budget had no room for. */
  readonly #expecting = new Set<StreamState>()
  readonly #measured: () => void

  constructor(
    owner: ReceivingOwner,
    sender: Sender,
    options: {
      readonly clock: Clock
      readonly budget: ReceiveBudget
      readonly streamWindow: number
      readonly connectionWindow: number
      readonly maxWindow: number
    },
  ) {
    this.#owner = owner
    this.#sender = sender
    this.#budget = options.budget
    this.connection = new ConnectionWindow(options.budget)
    this.tuner = new WindowTuner(options)
    this.#measured = () => {
      if (!this.tuner.answered()) return
      this.#announce()
      this.raise()
    }
  }

  /** Raises the connection's window to what it should be; SETTINGS cannot (RFC 9113 6.9.2). */
  raise(): void {
    this.#give(0, this.connection.raise(this.tuner.connectionWindow))
  }

  /** The window of a stream that opens now. */
  open(): StreamWindow {
    const window = new StreamWindow(this.#budget, this.#acknowledged)
    this.#announce()
    return window
  }

  /** A DATA frame of that length begins; false when the connection has no credit for it. */
  arrives(length: number): boolean {
    const increment = this.connection.received(length)
    if (increment < 0) return false
    if (increment > 0) {
      this.#give(0, increment)
      this.#announce()
    }
    if (this.connection.withheld) this.#budget.wait(this)
    if (length > 0 && this.tuner.received(length)) this.#owner.measure(bdpPing, this.#measured)
    return true
  }

  /** Bytes that arrived for no stream. */
  dropped(bytes: number): void {
    this.#give(0, this.connection.read(bytes))
  }

  /** Bytes of an open stream were consumed, or are padding. */
  read(stream: StreamState, bytes: number): void {
    const size = Math.min(this.#acknowledged, this.tuner.announced)
    const increment = stream.window.read(bytes, size)
    if (!stream.remoteEnded) this.#give(stream.id, increment)
    this.dropped(bytes)
  }

  expect(stream: StreamState, bytes: number): void {
    const increment = stream.window.expect(bytes)
    if (increment >= 0) {
      this.#give(stream.id, increment)
      return
    }
    this.#expecting.add(stream)
    this.#budget.wait(this)
  }

  /** The budget has room again. */
  roomAgain(): void {
    this.#give(0, this.connection.retry())
    if (this.connection.withheld) this.#budget.wait(this)
    for (const stream of Array.from(this.#expecting)) {
      this.#expecting.delete(stream)
      // What has come meanwhile is awaited no more.
      if (stream.window.awaited > 0) this.expect(stream, stream.window.awaited)
    }
    this.#announce()
    this.#owner.wake()
  }

  /** The stream is over: nobody reads what it holds any more. */
  release(stream: StreamState): void {
    this.#expecting.delete(stream)
    this.dropped(stream.window.close())
  }

  /** The connection is over, after its streams. */
  close(): void {
    this.#budget.leave(this)
    this.connection.close()
  }

  /** The peer has acknowledged another initial window: it moves those of the open streams (RFC 9113 6.9.2). */
  acknowledged(bytes: number, streams: Iterable<StreamState>): void {
    const difference = bytes - this.#acknowledged
    this.#acknowledged = bytes
    for (const stream of streams) {
      stream.window.adjust(difference)
      // A window that shrinks takes from what a stream was promised: nobody else would ask for it again.
      if (difference < 0 && stream.window.awaited > 0) this.expect(stream, stream.window.awaited)
    }
    this.#announce()
  }

  #announce(): void {
    // A peer that is slow to answer learns the last word only.
    if (this.#owner.settingsWaiting >= mostWaiting) return
    const bytes = this.tuner.announce()
    if (bytes >= 0) this.#owner.announceWindow(bytes)
  }

  #give(id: number, increment: number): void {
    if (increment > 0) this.#sender.windowUpdate(id, increment)
  }
}
