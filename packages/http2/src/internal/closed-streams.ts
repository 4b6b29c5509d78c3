/** Why a stream is closed; `forgotten` also for one that was never used. */
export const FORGOTTEN = 0
export const ENDED = 1
export const RESET_BY_US = 2
export const RESET_BY_PEER = 3

/**
 * How the last streams of the peer's or our side were closed, because late frames mean different things then (RFC 9113
 * 5.1): after our RST_STREAM they are innocent, after END_STREAM they are errors. Of `size` successive streams none
 * is forgotten.
 */
export class ClosedStreams {
  readonly #mask: number
  readonly #ids: Int32Array
  readonly #how: Uint8Array

  constructor(atLeast: number) {
    let size = 256
    while (size < atLeast && size < 8192) size *= 2
    this.#mask = size - 1
    this.#ids = new Int32Array(size)
    this.#how = new Uint8Array(size)
  }

  remember(id: number, how: number): void {
    const slot = (id >>> 1) & this.#mask
    this.#ids[slot] = id
    this.#how[slot] = how
  }

  how(id: number): number {
    const slot = (id >>> 1) & this.#mask
    return this.#ids[slot] === id ? (this.#how[slot] as number) : FORGOTTEN
  }
}
