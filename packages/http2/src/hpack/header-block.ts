import type { HeaderList } from '../header-list.ts'
import { CONTENT_LENGTH, parseContentLength, STATUS } from './field-class.ts'
import { type HeaderKind, headerValue, listFault } from './header-check.ts'

/** The block was decoded. */
export const DECODED = 0
/**
 * The list is over `maxListSize`: a fault of this stream alone, because the table has followed (a server answers 431).
 */
export const LIST_TOO_LARGE = 1
/** Not a block of RFC 7541: an error of the connection, COMPRESSION_ERROR; nothing can be decoded any more. */
export const COMPRESSION_FAILED = 2
/** The list is many times over `maxListSize`, as attacks make it: ENHANCE_YOUR_CALM for the connection. */
export const LIST_ABUSE = 3
export type DecodeVerdict =
  | typeof DECODED
  | typeof LIST_TOO_LARGE
  | typeof COMPRESSION_FAILED
  | typeof LIST_ABUSE

/** What one header block says. Equal blocks may give the same object again; it does not change. */
export class HeaderBlock {
  readonly verdict: DecodeVerdict
  /** Empty unless the verdict is DECODED. Frozen when several streams share it. */
  readonly list: HeaderList
  /** By the measure of RFC 9113 6.5.2: names and values and 32 bytes a field. */
  readonly size: number
  /** What was wrong, for a verdict other than DECODED. */
  readonly reason: string
  readonly #bits: number
  #checked: HeaderKind | undefined = undefined
  #fault: string | undefined = undefined

  constructor(
    verdict: DecodeVerdict,
    list: HeaderList,
    size: number,
    bits: number,
    reason: string = '',
  ) {
    this.verdict = verdict
    this.list = list
    this.size = size
    this.reason = reason
    this.#bits = bits
  }

  /**
   * Why the list is malformed by RFC 9113 8.2-8.3 as what it is meant to be, in English for logs; undefined when it is
   * well formed. `protocol` says whether extended CONNECT (RFC 8441) is on, which must not change in a connection.
   */
  fault(kind: HeaderKind, protocol: boolean = false): string | undefined {
    if (this.#checked === kind) return this.#fault
    this.#checked = kind
    this.#fault = listFault(this.#bits, kind, protocol, this.list)
    return this.#fault
  }

  /** The announced length of the body, which the sum of DATA must meet; -1 without one. */
  get contentLength(): number {
    if ((this.#bits & CONTENT_LENGTH) === 0) return -1
    return parseContentLength(headerValue(this.list, 'content-length') as string)
  }

  /** Of a response; 0 for other lists. */
  get status(): number {
    if ((this.#bits & STATUS) === 0) return 0
    return Number(headerValue(this.list, ':status'))
  }
}
