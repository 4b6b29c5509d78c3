import type { WriteSlab } from '@tidemill/core'
import { http1Errors } from './errors.ts'
import { writeChunkSize, writeLastChunk } from './field-writer.ts'
import type { HeaderList } from './message-parser.ts'

/** How the body of the message that is being written is framed. */
export const bodyMode = {
  /** No head yet. */
  none: 0,
  length: 1,
  chunked: 2,
  untilClose: 3,
  /** The answer to HEAD: parts are dropped, so that one handler serves GET and HEAD. */
  dropped: 4,
} as const

const crlf = Buffer.from('\r\n')
const noTrailers: HeaderList = []

/**
 * Bodies of what a connection sends, one message after another. Nothing leaves that the head did not announce: a part
 * too many or a missing one throws TM_HTTP1_BODY_LENGTH, and then only closing the connection is honest.
 */
export abstract class BodyWriter {
  protected readonly slab: WriteSlab
  protected mode: number = bodyMode.none
  #announced = 0
  #left = 0

  constructor(slab: WriteSlab) {
    this.slab = slab
  }

  /** True between a head and its end. */
  get open(): boolean {
    return this.mode !== bodyMode.none
  }

  /** True while the end of the connection is the end of the body, so that a cut looks like an end. */
  get untilClose(): boolean {
    return this.mode === bodyMode.untilClose
  }

  /** Adds a part of the body; from 16 KiB on it must stay unchanged until it is written. */
  body(part: Uint8Array): void {
    const size = part.length
    switch (this.mode) {
      case bodyMode.length:
        if (size > this.#left) throw this.#wrongLength(size)
        this.#left -= size
        this.slab.append(part)
        break
      case bodyMode.chunked:
        // An empty chunk would end the body.
        if (size === 0) break
        writeChunkSize(this.slab, size)
        this.slab.append(part)
        this.slab.append(crlf)
        break
      case bodyMode.untilClose:
        this.slab.append(part)
        break
      case bodyMode.dropped:
        break
      default:
        throw http1Errors.error('TM_HTTP1_STATE', { what: 'a body', state: 'there is no head' })
    }
  }

  /** Ends the message; trailers need a chunked body. Where the answer is to HEAD they are dropped with it. */
  end(trailers: HeaderList = noTrailers): void {
    const mode = this.mode
    if (mode === bodyMode.none)
      throw http1Errors.error('TM_HTTP1_STATE', { what: 'an end', state: 'there is no head' })
    if (trailers.length > 0 && mode !== bodyMode.chunked && mode !== bodyMode.dropped)
      throw http1Errors.error('TM_HTTP1_TRAILER', {
        name: trailers[0],
        reason: 'the body is not chunked',
      })
    if (mode === bodyMode.length && this.#left > 0) throw this.#wrongLength(0)
    if (mode === bodyMode.chunked) writeLastChunk(this.slab, trailers)
    this.mode = bodyMode.none
  }

  protected openBody(mode: number, length: number): void {
    this.mode = mode
    this.#announced = length
    this.#left = length
  }

  #wrongLength(more: number): Error {
    return http1Errors.error('TM_HTTP1_BODY_LENGTH', {
      announced: this.#announced,
      received: this.#announced - this.#left + more,
    })
  }
}
