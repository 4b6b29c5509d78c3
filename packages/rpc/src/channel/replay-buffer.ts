/** What calls of one channel keep for repeating. */
export interface ReplayBudget {
  /** Bytes that all its calls may keep. */
  readonly limit: number
  used: number
}

/** gRFC A6 leaves the sizes open; these are grpc-js's. */
export const replayLimitPerCall: number = 1024 * 1024
export const replayLimitPerChannel: number = 16 * 1024 * 1024

/** Everything that one call has sent so far, to send it again on another stream. */
export class ReplayBuffer {
  readonly #budget: ReplayBudget
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #ended = false

  constructor(budget: ReplayBudget) {
    this.#budget = budget
  }

  get chunks(): number {
    return this.#chunks.length
  }

  /** Whether one of the two limits is passed: then the call must be bound to one attempt. */
  get full(): boolean {
    return this.#bytes > replayLimitPerCall || this.#budget.used > this.#budget.limit
  }

  /** Copies the bytes. */
  append(frames: Uint8Array, end: boolean): void {
    this.#chunks.push(Uint8Array.prototype.slice.call(frames))
    this.#bytes += frames.length
    this.#budget.used += frames.length
    this.#ended = end
  }

  chunk(index: number): Uint8Array {
    return this.#chunks[index] as Uint8Array
  }

  /** Whether the sender's side ends with that chunk. */
  isLast(index: number): boolean {
    return this.#ended && index === this.#chunks.length - 1
  }

  release(): void {
    this.#budget.used -= this.#bytes
    this.#bytes = 0
    this.#chunks.length = 0
  }
}
