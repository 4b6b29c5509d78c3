/**
 * The body of one request: what waits until a connection takes it, and what is kept so that another attempt can send it
 * again. The parts do not change, so keeping one costs a reference.
 */
export class RequestBody {
  /** Longest body that is kept. */
  readonly #limit: number
  readonly #parts: Uint8Array[] = []
  #bytes = 0
  /** Parts that the attempt under way was given. */
  #given = 0
  /** Nothing of the body has been thrown away: it can be sent from its beginning. */
  whole: boolean = true

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes
  }

  /** The attempt under way was given all there is. */
  get drained(): boolean {
    return this.#given === this.#parts.length
  }

  add(part: Uint8Array): void {
    this.#parts.push(part)
    this.#bytes += part.length
  }

  /** The next part that the attempt under way has not had; undefined when it has all. */
  next(): Uint8Array | undefined {
    const part = this.#parts[this.#given]
    if (part !== undefined) this.#given++
    return part
  }

  /** Another attempt begins. */
  rewind(): void {
    this.#given = 0
  }

  /** Throws away what was given when it is more than may be kept. */
  trim(): void {
    if (this.#bytes > this.#limit && this.#given > 0) this.clear()
  }

  /** There will be no other attempt: keeps only what the one under way has not had. */
  clear(): void {
    this.whole = false
    for (let i = 0; i < this.#given; i++) this.#bytes -= (this.#parts[i] as Uint8Array).length
    this.#parts.splice(0, this.#given)
    this.#given = 0
  }
}
