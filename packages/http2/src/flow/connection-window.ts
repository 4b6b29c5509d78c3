import { baseWindow, type ReceiveBudget } from './receive-budget.ts'

/**
 * The receive window of a connection. Credit is given back when bytes arrive, a quarter of the window at a time as
 * grpc-go does it, not when they are read: so a stream that nobody reads stops only itself. What bounds memory is the
 * streams' windows, and the budget, which withholds credit here when all else has failed.
 */
export class ConnectionWindow {
  readonly #budget: ReceiveBudget
  #size: number = baseWindow
  #credit: number = baseWindow
  #unread = 0
  /** Credit is due that the budget did not give. */
  #withheld = false

  constructor(budget: ReceiveBudget) {
    this.#budget = budget
    budget.windows += baseWindow
    budget.take(baseWindow, baseWindow)
  }

  get size(): number {
    return this.#size
  }

  /** What the peer may still send. */
  get credit(): number {
    return this.#credit
  }

  /** Received on this connection and not read. */
  get unread(): number {
    return this.#unread
  }

  /** True while the budget withholds credit: `read` or `retry` will bring it. */
  get withheld(): boolean {
    return this.#withheld
  }

  /** Raises the window towards `wanted`, as far as the budget has it. @returns the increment to send, 0 for none. */
  raise(wanted: number): number {
    const size = this.#budget.connectionWindow(wanted, this.#size)
    if (size === this.#size) return 0
    this.#budget.windows += size - this.#size
    this.#size = size
    return this.#refill(1)
  }

  /**
   * A DATA frame of `bytes` (with padding) arrived, for whatever stream.
   * @returns the increment to send, 0 for none, -1 when the peer had no credit for it (FLOW_CONTROL_ERROR).
   */
  received(bytes: number): number {
    if (bytes > this.#credit) return -1
    this.#credit -= bytes
    this.#unread += bytes
    this.#budget.arrived(bytes)
    return this.#size - this.#credit >= this.#size >>> 2 ? this.#refill(this.#size >>> 3) : 0
  }

  /** Bytes were read by the application, or dropped (padding, closed streams). @returns the increment to send. */
  read(bytes: number): number {
    this.#unread -= bytes
    this.#budget.read(bytes)
    return this.#withheld ? this.retry() : 0
  }

  /** The budget has room again. @returns the increment to send. */
  retry(): number {
    return this.#withheld ? this.#refill(this.#size >>> 3) : 0
  }

  /** The connection is gone with all that was not read. */
  close(): void {
    this.#budget.credit -= this.#credit
    this.#budget.windows -= this.#size
    this.#credit = 0
    this.#size = 0
    this.#withheld = false
    const unread = this.#unread
    this.#unread = 0
    this.#budget.read(unread)
  }

  /** Gives what the window lacks; less than `least` is not worth a frame. */
  #refill(least: number): number {
    const wanted = this.#size - this.#credit
    const within = baseWindow - this.#credit - this.#unread
    const given = this.#budget.take(wanted, within)
    // Slivers only to a peer that could not go on otherwise.
    if (given < wanted && (given === 0 || (given < least && this.#credit > 0))) {
      this.#budget.credit -= given
      this.#withheld = true
      return 0
    }
    this.#withheld = given < wanted
    this.#credit += given
    return given
  }
}
