/** Counts whole gRPC messages in the bytes of a stream, however they are cut. */
export class FrameCounter {
  #count: number = 0
  #left: number = 0
  #head: number = 0
  #length: number = 0

  reset(): void {
    this.#count = 0
    this.#left = 0
    this.#head = 0
    this.#length = 0
  }

  /** Takes the next bytes; returns how many messages have ended so far. */
  feed(chunk: Uint8Array): number {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at)
        this.#left -= taken
        at += taken
        if (this.#left === 0) this.#count++
        continue
      }
      const byte = chunk[at++] as number
      // The first of the five bytes is the compression flag.
      if (this.#head > 0) this.#length = this.#length * 256 + byte
      if (++this.#head < 5) continue
      this.#left = this.#length
      this.#head = 0
      this.#length = 0
      if (this.#left === 0) this.#count++
    }
    return this.#count
  }
}
