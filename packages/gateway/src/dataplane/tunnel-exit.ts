import { FrameBoundary } from './frame-boundary.ts'

/** A Close frame of a server that goes away: status 1001 (RFC 6455 7.4.1). */
const goingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9])
const empty = Buffer.alloc(0)

/** Passes on what a WebSocket upstream sends, until the client is told that the gateway goes away. */
export class TunnelExit {
  readonly #frames = new FrameBoundary()
  #leaving = false
  #left = false

  /** What of these bytes the client is sent; after the Close frame nothing may follow. */
  pass(chunk: Buffer): Buffer {
    if (this.#left) return empty
    const boundary = this.#frames.pass(chunk)
    if (!this.#leaving || boundary < 0) return chunk
    this.#left = true
    return Buffer.concat([chunk.subarray(0, boundary), goingAway])
  }

  /** Asks for the Close frame: gives what is to be sent now, the frame if none of the upstream's is under way. */
  leave(): Buffer {
    if (this.#leaving) return empty
    this.#leaving = true
    if (!this.#frames.between) return empty
    this.#left = true
    return goingAway
  }
}
