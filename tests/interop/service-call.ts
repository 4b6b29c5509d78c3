import type { Pairs } from './caller.ts'

/** What the test service needs of an incoming call, whatever implementation serves it. */
export interface ServiceCall {
  /** All values of a name in the request's metadata. */
  metadata(name: string): Pairs[number][1][]
  header(name: string, value: string | Uint8Array): void
  trailer(name: string, value: string | Uint8Array): void
  /** Whether the latest request came compressed; undefined where the implementation does not tell. */
  requestCompressed(): boolean | undefined
  /** The call's responses say gzip; each is compressed when {@link compressNext} asks for it. */
  chooseGzip(): void
  compressNext(compressed: boolean): void
  readonly signal: AbortSignal
}

/** A status other than OK; the implementation sends it. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}
