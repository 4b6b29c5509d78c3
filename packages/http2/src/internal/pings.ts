/** Sent pings that are unanswered, oldest first. */
export class Pings {
  readonly #waiting: { readonly payload: Buffer; readonly done: () => void }[] = []

  readonly #answer: (done: () => void) => void

  constructor(answer: (done: () => void) => void) {
    this.#answer = answer
  }

  get waiting(): number {
    return this.#waiting.length
  }

  sent(payload: Uint8Array, done: () => void): void {
    this.#waiting.push({ payload: Buffer.from(payload), done })
  }

  /** The answer to a ping of ours; one that answers nothing is ignored. */
  answered(bytes: Buffer, start: number): void {
    const at = this.#waiting.findIndex(
      ({ payload }) => bytes.compare(payload, 0, 8, start, start + 8) === 0,
    )
    const [ping] = at < 0 ? [] : this.#waiting.splice(at, 1)
    if (ping !== undefined) this.#answer(ping.done)
  }
}
