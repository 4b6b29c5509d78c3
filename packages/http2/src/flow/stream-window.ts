import type { ReceiveBudget } from './receive-budget.ts'

const largestWindow = 0x7fffffff

/** The receive window of a stream: credit is given back when the application has read, a quarter at a time. */
export class StreamWindow {
  readonly #budget: ReceiveBudget
  #credit: number
  #unread = 0
  /** Of the credit, what the budget has promised beyond the window. */
  #promised = 0
  /** What is still to come of what the application waits for; 0 when it waits for nothing. */
  #awaited = 0

  /** @param initial our SETTINGS_INITIAL_WINDOW_SIZE that the peer has acknowledged, or 65,535 before. */
  constructor(budget: ReceiveBudget, initial: number) {
    this.#budget = budget
    this.#credit = initial
    budget.streams++
  }

  /** What the peer may still send; below 0 after the initial window has shrunk. */
  get credit(): number {
    return this.#credit
  }

  /** Of what `expect` asked for, what has not come yet. */
  get awaited(): number {
    return this.#awaited
  }

  /** Received and not read. */
  get unread(): number {
    return this.#unread
  }

  /** DATA arrived, with padding. @returns false when the peer had no credit for it (FLOW_CONTROL_ERROR). */
  received(bytes: number): boolean {
    if (bytes > this.#credit && bytes > 0) return false
    this.#credit -= bytes
    this.#unread += bytes
    this.#awaited = Math.max(0, this.#awaited - bytes)
    if (this.#promised > 0) {
      const kept = Math.min(this.#promised, bytes)
      this.#promised -= kept
      this.#budget.promised -= kept
    }
    return true
  }

  /**
   * The application has read, or bytes were dropped. `size` is the initial window that the peer has acknowledged, or the
   * one last announced if that is smaller: an announced larger one comes by `adjust`.
   * @returns the increment to send, 0 for none.
   */
  read(bytes: number, size: number): number {
    this.#unread -= bytes
    const missing = size - this.#unread - this.#credit
    if (missing <= 0 || missing < size >>> 2) return 0
    this.#credit += missing
    return missing
  }

  /**
   * The application waits for `bytes` more before it reads any: credit is raised to that at once.
   * @returns the increment to send, 0 when credit suffices, -1 when the budget has no room now: ask again later.
   */
  expect(bytes: number): number {
    this.#awaited = bytes
    const wanted = Math.min(bytes, largestWindow)
    const missing = wanted - this.#credit
    if (missing <= 0) return 0
    // A window that has shrunk may have taken the credit below what was promised, and below 0.
    const left = Math.max(0, this.#credit)
    const kept = Math.min(this.#promised, left)
    this.#budget.promised -= this.#promised - kept
    this.#promised = kept
    if (!this.#budget.extend(wanted - left)) return -1
    this.#promised += wanted - left
    this.#credit = wanted
    return missing
  }

  /** The peer has acknowledged another initial window: all open streams change by the difference (RFC 9113 6.9.2). */
  adjust(difference: number): void {
    this.#credit += difference
  }

  /** The stream is gone. @returns the bytes that nobody will read any more, for `ConnectionWindow.read`. */
  close(): number {
    const unread = this.#unread
    this.#budget.streams--
    this.#budget.promised -= this.#promised
    this.#promised = 0
    this.#unread = 0
    this.#credit = 0
    return unread
  }
}
