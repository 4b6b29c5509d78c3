import type { HeaderList } from '../transport/transport.ts'
import { formatTimeout } from '../wire/timeout.ts'

/**
 * Headers of the requests of one method on one channel. The plain ones are one frozen list, which HTTP/2 checks
 * once and whose bytes it keeps.
 */
export class RequestHeaders {
  readonly plain: HeaderList
  readonly #path: string

  constructor(path: string, authority: string, scheme: string, userAgent: string) {
    this.#path = path
    this.plain = Object.freeze([
      ':method',
      'POST',
      ':scheme',
      scheme,
      ':path',
      path,
      ':authority',
      authority,
      'te',
      'trailers',
      'content-type',
      'application/grpc',
      'user-agent',
      userAgent,
      'grpc-accept-encoding',
      'identity,gzip',
    ])
  }

  get path(): string {
    return this.#path
  }

  /** With the call's own headers, and what is left of its time. */
  list(more: HeaderList | undefined, leftMs: number): HeaderList {
    if (more === undefined && leftMs === Infinity) return this.plain
    const list = more === undefined ? [...this.plain] : [...this.plain, ...more]
    if (leftMs !== Infinity) list.push('grpc-timeout', formatTimeout(leftMs))
    return list
  }
}
