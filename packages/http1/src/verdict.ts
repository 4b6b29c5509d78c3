/**
 * Why a message is refused, and the status that a server answers with; a gateway answers 502 when it is the response of
 * an upstream that is refused. The tokens are stable: they stand in logs, metrics and tests.
 */
export const requestReasons = {
  'bare-cr': 400,
  'bare-lf': 400,
  'leading-empty-line': 400,
  'method-syntax': 400,
  'method-unknown': 501,
  'method-not-allowed': 405,
  'request-line': 400,
  'start-line-too-long': 414,
  'target-byte': 400,
  'target-escape': 400,
  'target-nul': 400,
  'target-form': 400,
  'target-scheme': 400,
  'target-authority': 400,
  'encoded-slash': 400,
  'version-syntax': 400,
  'version-unsupported': 505,
  'header-name': 400,
  'header-name-space': 400,
  'header-name-underscore': 400,
  'header-value': 400,
  'header-fold': 400,
  'headers-too-large': 431,
  'headers-too-many': 431,
  'host-missing': 400,
  'host-repeated': 400,
  'host-syntax': 400,
  'connection-option': 400,
  'connection-nominates-framing': 400,
  'content-length-syntax': 400,
  'content-length-repeated': 400,
  'transfer-encoding-and-length': 400,
  'transfer-encoding-in-1.0': 400,
  'transfer-encoding-syntax': 400,
  'transfer-encoding-repeated': 400,
  'transfer-encoding-unknown': 501,
  'expectation-failed': 417,
  'body-not-allowed': 400,
  'body-too-large': 413,
  'chunk-size': 400,
  'chunk-extension': 400,
  'chunk-extensions-too-large': 413,
  'chunk-end': 400,
  'trailer-forbidden': 400,
  'trailers-too-large': 431,
  'header-timeout': 408,
  'body-timeout': 408,
  truncated: 400,
} as const

/** Reasons that only a response can be refused for; all others of a response are those of a request. */
export const responseReasons = {
  'status-line': 502,
  'status-code': 502,
  'informational-limit': 502,
  'upgrade-unasked': 502,
  'response-unasked': 502,
  'closed-before-response': 502,
} as const

export type RequestReason = keyof typeof requestReasons
export type ResponseReason = RequestReason | keyof typeof responseReasons

/** What is wrong with a message, decided once and for all. */
export interface Verdict {
  /** Stable token. */
  readonly reason: ResponseReason
  /** Status for a client: that of the reason for a request, 502 for a response. */
  readonly status: number
  /** Bytes of this message before the place where it went wrong; 0 is its first byte. */
  readonly position: number
  /** False when the framing is intact, so that the connection can go on once the body is read. */
  readonly close: boolean
}

export function requestVerdict(
  reason: ResponseReason,
  position: number,
  close: boolean = true,
): Verdict {
  const status = (requestReasons as Readonly<Record<string, number>>)[reason] ?? 400
  return { reason, status, position, close }
}

export function responseVerdict(reason: ResponseReason, position: number): Verdict {
  return { reason, status: 502, position, close: true }
}
