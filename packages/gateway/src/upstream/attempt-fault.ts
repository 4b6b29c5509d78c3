import { TidemillError } from '@tidemill/core'
import { attempt, type AttemptOutcome } from '../balance/host.ts'
import type { UpstreamFailure } from './upstream-call.ts'

/** How one attempt failed. */
export interface AttemptFault {
  readonly kind: UpstreamFailure['kind']
  readonly reason: string
  /** The upstream has certainly not acted on the request. */
  readonly unprocessed: boolean
  /** A kept connection was closed before any byte of the response: nobody knows whether the request was seen. */
  readonly stale: boolean
}

export function fault(
  kind: UpstreamFailure['kind'],
  reason: string,
  unprocessed: boolean = false,
  stale: boolean = false,
): AttemptFault {
  return { kind, reason, unprocessed, stale }
}

/** The fault of an HTTP/1.1 exchange that ended with an error of the client. */
export function http1Fault(error: Error): AttemptFault {
  const details = TidemillError.is(error) ? error.details : {}
  const unsent = details['sent'] === false
  const started = details['started'] === true
  if (TidemillError.is(error, 'TM_HTTP1_TIMEOUT')) {
    if (details['what'] === 'it does not read the request')
      return fault('reset', 'it does not read the request', unsent)
    return started
      ? fault('idle', 'its response fell silent')
      : fault('attempt-timeout', 'no response head in time', unsent)
  }
  const reason = typeof details['reason'] === 'string' ? details['reason'] : ''
  if (TidemillError.is(error, 'TM_HTTP1_CLOSED')) {
    const stale = !started && details['reused'] === true
    if (reason === 'closed-before-response' && !stale && !unsent)
      return fault('protocol', 'the connection was ended without a response')
    return fault('reset', 'the connection broke', unsent, stale)
  }
  if (TidemillError.is(error, 'TM_HTTP1_PEER'))
    return fault('protocol', `its response is not HTTP/1.1: ${reason}`)
  // What the writer refuses never leaves.
  return fault('protocol', 'the request cannot be written as HTTP/1.1', true)
}

/** What the balancer and the outlier detector are told. */
export function outcomeOf(kind: UpstreamFailure['kind']): AttemptOutcome {
  switch (kind) {
    case 'connect':
      return attempt.connect
    case 'reset':
    case 'idle':
      return attempt.reset
    case 'protocol':
      return attempt.protocol
    case 'attempt-timeout':
    case 'deadline':
      return attempt.timeout
    case 'no-host':
    case 'overflow':
      return attempt.aborted
  }
}

/** Methods that may be sent twice (RFC 9110 9.2.2). */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'TRACE':
    case 'PUT':
    case 'DELETE':
      return true
    default:
      return false
  }
}
