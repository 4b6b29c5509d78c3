/** Follows WebSocket frames (RFC 6455 5.2) as they pass, to know where a frame of ours may stand between two of them. */
export class FrameBoundary {
  /** Bytes of the header that is being read, and how many it will have. */
  #header = 0
  #headerSize = 2
  #extended = 0
  #length = 0
  /** Bytes of the payload still to come. */
  #left = 0

  get between(): boolean {
    return this.#header === 0 && this.#left === 0
  }

  /** Returns how many bytes of the chunk are up to the first boundary in it, -1 when there is none. */
  pass(chunk: Uint8Array): number {
    let first = -1
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const size = Math.min(this.#left, chunk.length - at)
        this.#left -= size
        at += size
      } else this.#headerByte(chunk[at++] as number)
      if (first < 0 && this.between) first = at
    }
    return first
  }

  #headerByte(byte: number): void {
    const index = this.#header++
    if (index === 1) {
      const length = byte & 127
      this.#length = length < 126 ? length : 0
      const extended = length === 126 ? 2 : length === 127 ? 8 : 0
      // A mask is part of the header; servers send none.
      this.#headerSize = 2 + extended + (byte >= 128 ? 4 : 0)
      this.#extended = extended
    } else if (index >= 2 && index < 2 + this.#extended) {
      this.#length = this.#length * 256 + byte
    }
    if (index >= 1 && this.#header === this.#headerSize) {
      this.#left = this.#length
      this.#header = 0
      this.#headerSize = 2
    }
  }
}
