import type { LimitValues } from './tuning.ts'

const nothing = Buffer.alloc(0)

/** Gathers the parts of a header block that spans frames, within bounds. */
export class BlockBuffer {
  readonly #mostBytes: number
  readonly #mostFrames: number
  #bytes: Buffer = nothing
  #size = 0
  #frames = 0

  constructor(limits: LimitValues) {
    this.#mostBytes = limits.headerBlock
    this.#mostFrames = limits.continuations
  }

  /** False when the block is too long or in too many parts. */
  add(bytes: Buffer, start: number, end: number): boolean {
    const size = this.#size + end - start
    // The HEADERS frame counts as the first part.
    if (size > this.#mostBytes || this.#frames > this.#mostFrames) return false
    this.#frames++
    if (size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(size, 2 * this.#bytes.length))
      this.#bytes.copy(grown, 0, 0, this.#size)
      this.#bytes = grown
    }
    bytes.copy(this.#bytes, this.#size, start, end)
    this.#size = size
    return true
  }

  /** The block; the next one begins empty. */
  take(): Buffer {
    const block = this.#bytes.subarray(0, this.#size)
    this.#bytes = nothing
    this.#size = 0
    this.#frames = 0
    return block
  }
}
