import type { ChannelConnection } from './channel-connection.ts'
import type { PendingCall } from './pending-call.ts'

/** Room at the front that is given back at once, when it is the larger part. */
const compactAbove = 1024

/** Calls that wait for a connection or a free stream, in the order in which they came. Bounded. */
export class CallQueue<C extends ChannelConnection> {
  readonly #limit: number
  readonly #calls: (PendingCall<C> | undefined)[] = []
  /** Number of the call at index 0; calls are numbered on for ever, so that a number never means another call. */
  #base = 0
  /** Index before which there is nothing. */
  #head = 0
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#size
  }

  /** False when the queue is full. */
  push(call: PendingCall<C>): boolean {
    if (this.#size >= this.#limit) return false
    call.queueIndex = this.#base + this.#calls.push(call) - 1
    this.#size++
    return true
  }

  /** The first call numbered above `number` (-1: of all); undefined when there is none. */
  after(number: number): PendingCall<C> | undefined {
    for (let i = Math.max(number + 1 - this.#base, this.#head); i < this.#calls.length; i++) {
      const call = this.#calls[i]
      if (call !== undefined) return call
    }
    return undefined
  }

  /** Takes the call out; false when it does not wait here. */
  remove(call: PendingCall<C>): boolean {
    const index = call.queueIndex - this.#base
    if (call.queueIndex < 0 || this.#calls[index] !== call) return false
    this.#calls[index] = undefined
    call.queueIndex = -1
    this.#size--
    if (this.#size === 0) this.#drop(this.#calls.length)
    else if (index === this.#head) {
      while (this.#calls[this.#head] === undefined) this.#head++
      if (this.#head > compactAbove && this.#head * 2 > this.#calls.length) this.#drop(this.#head)
    }
    return true
  }

  #drop(count: number): void {
    this.#calls.splice(0, count)
    this.#base += count
    this.#head = 0
  }
}
