import type { Sender } from './sender.ts'
import { checkRange } from './tuning.ts'

/** Pings that a user may have unanswered. */
const mostPings = 16

/** Sent pings that are unanswered, oldest first. */
export class Pings {
  readonly #waiting: { readonly payload: Buffer; readonly done: () => void }[] = []
  readonly #sender: Sender
  readonly #answer: (done: () => void) => void

  constructor(sender: Sender, answer: (done: () => void) => void) {
    this.#sender = sender
    this.#answer = answer
  }

  /** Throws TM_HTTP2_ARGUMENT for a payload that is not 8 bytes, and when too many are unanswered. */
  check(payload: Uint8Array): void {
    checkRange('the length of a ping', payload.length, 8, 8)
    checkRange('unanswered pings', this.#waiting.length + 1, 1, mostPings)
  }

  send(payload: Uint8Array, done: () => void): void {
    this.#waiting.push({ payload: Buffer.from(payload), done })
    this.#sender.ping(payload, 0, false)
  }

  /** The answer to a ping of ours; false when it answers none. */
  answered(bytes: Buffer, start: number): boolean {
    const at = this.#waiting.findIndex(
      ({ payload }) => bytes.compare(payload, 0, 8, start, start + 8) === 0,
    )
    const [ping] = at < 0 ? [] : this.#waiting.splice(at, 1)
    if (ping === undefined) return false
    this.#answer(ping.done)
    return true
  }
}
