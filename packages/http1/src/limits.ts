import { type ByteSize, parseBytes } from '@tidemill/core'

/** What a parser holds at most; a message beyond it is refused before more of it is kept. */
export interface LimitOptions {
  /** Request line with its CRLF (414), or status line; default 8 KiB, so that a target of 8000 bytes passes. */
  readonly maxStartLine?: ByteSize
  /** All header lines together with their line ends (431); default 16 KiB. */
  readonly maxHeaderBytes?: ByteSize
  /** Header lines (431); default 100. */
  readonly maxHeaders?: number
  /** Body without its framing (413); default 10 MiB for requests, none for responses. */
  readonly maxBody?: ByteSize
  /** Chunk extensions of one message together (413); default 4 KiB. */
  readonly maxChunkExtensions?: ByteSize
  /** Trailer lines together with their line ends (431); default 8 KiB. */
  readonly maxTrailerBytes?: ByteSize
  /** Header names with `_` collide with `-` in CGI-style backends: dropped (default), kept, or refused with 400. */
  readonly underscoreNames?: 'drop' | 'keep' | 'reject'
}

/** {@link LimitOptions} in numbers, read once and shared by all parsers of a listener. */
export class Limits {
  readonly startLine: number
  readonly headerBytes: number
  readonly headers: number
  readonly body: number
  readonly chunkExtensions: number
  readonly trailerBytes: number
  readonly underscore: 'drop' | 'keep' | 'reject'

  constructor(options: LimitOptions, maxBody: number) {
    this.startLine = parseBytes(options.maxStartLine ?? 8192, '/maxStartLine')
    this.headerBytes = parseBytes(options.maxHeaderBytes ?? 16_384, '/maxHeaderBytes')
    this.headers = options.maxHeaders ?? 100
    this.body = options.maxBody === undefined ? maxBody : parseBytes(options.maxBody, '/maxBody')
    this.chunkExtensions = parseBytes(options.maxChunkExtensions ?? 4096, '/maxChunkExtensions')
    this.trailerBytes = parseBytes(options.maxTrailerBytes ?? 8192, '/maxTrailerBytes')
    this.underscore = options.underscoreNames ?? 'drop'
  }
}
