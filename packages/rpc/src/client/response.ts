import type { CallOutcome } from '../channel/call-outcome.ts'
import { isGrpcContentType } from '../wire/content-type.ts'
import { findBadBinary } from '../wire/metadata.ts'
import { decodeMessage } from '../wire/percent.ts'
import { resetCancel, status, statusFromHttp, statusFromReset } from '../status.ts'
import type { HeaderList, StreamEnd } from '../transport/transport.ts'

const none: HeaderList = []

/** Header lists that were found good; servers repeat themselves, and HPACK gives the same object for the same bytes. */
let lastGood: HeaderList | undefined

/** Whether a response's headers are those of a call that goes on: status 200, content type of gRPC, readable metadata. */
export function isGoodHeaders(list: HeaderList): boolean {
  if (list === lastGood) return true
  if (headerValue(list, ':status') !== '200') return false
  if (!isGrpcContentType(headerValue(list, 'content-type') ?? '')) return false
  if (findBadBinary(list) !== undefined) return false
  lastGood = list
  return true
}

export function headerValue(list: HeaderList, name: string): string | undefined {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1]
  return undefined
}

/** Informational headers (1xx), which say nothing about the call. */
export function isInformational(list: HeaderList): boolean {
  const code = headerValue(list, ':status')
  return code?.length === 3 && code.startsWith('1')
}

/** What headers say that end a call: Trailers-Only, or an answer that is no gRPC. */
export function headersOutcome(list: HeaderList): CallOutcome {
  const http = Number(headerValue(list, ':status') ?? '0')
  if (headerValue(list, 'grpc-status') !== undefined) return trailersOutcome(list, false, http)
  const type = headerValue(list, 'content-type')
  const unreadable = findBadBinary(list)
  if (http === 200 && isGrpcContentType(type ?? '') && unreadable !== undefined) {
    return unreadableOutcome(unreadable, list, false)
  }
  const text =
    http === 200
      ? `the answer is no gRPC: content-type ${type === undefined ? 'is absent' : type.slice(0, 100)}`
      : `HTTP status ${http}`
  return {
    code: statusFromHttp(http),
    message: text,
    trailers: list,
    headersSeen: false,
    processed: 'sent',
  }
}

/** What the trailers say; ones without a usable grpc-status by the HTTP status of the answer. */
export function trailersOutcome(list: HeaderList, headersSeen: boolean, http = 200): CallOutcome {
  let code = -1
  let message = ''
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i]
    if (name === 'grpc-status') code = parseStatus(list[i + 1] as string)
    else if (name === 'grpc-message') message = decodeMessage(list[i + 1] as string)
  }
  if (code < 0) {
    code = statusFromHttp(http)
    message = 'the server sent no usable grpc-status'
  }
  if (code === status.OK) {
    const unreadable = findBadBinary(list)
    if (unreadable !== undefined) return unreadableOutcome(unreadable, list, headersSeen)
  }
  return { code, message, trailers: list, headersSeen, processed: 'sent' }
}

/** Metadata that cannot be read fails a call that would have been OK; the server has acted all the same. */
function unreadableOutcome(name: string, list: HeaderList, headersSeen: boolean): CallOutcome {
  return {
    code: status.INTERNAL,
    message: `the header ${name} is not base64`,
    trailers: list,
    headersSeen,
    processed: 'sent',
  }
}

/** A decimal number; -1 for anything else. Numbers that gRPC does not define are UNKNOWN. */
function parseStatus(text: string): number {
  if (text === '0') return 0
  if (!/^\d{1,9}$/u.test(text)) return -1
  const code = Number(text)
  return code <= status.UNAUTHENTICATED ? code : status.UNKNOWN
}

/** What the end of a stream says that brought no status. `expired`: the call's own deadline has passed. */
export function streamOutcome(
  code: number,
  how: StreamEnd,
  headersSeen: boolean,
  expired: boolean,
): CallOutcome {
  const base = { trailers: none, headersSeen }
  if (how === 'unprocessed') {
    return {
      ...base,
      code: status.UNAVAILABLE,
      message: 'the server refused the stream unseen',
      // Who has sent headers has looked at it, whatever it says afterwards.
      processed: headersSeen ? 'sent' : 'refused',
    }
  }
  if (how === 'done') {
    return {
      ...base,
      code: status.UNKNOWN,
      message: 'the answer ended without a status',
      processed: 'sent',
    }
  }
  if (how === 'lost') {
    return {
      ...base,
      code: status.UNAVAILABLE,
      message: 'the connection was lost',
      processed: 'sent',
    }
  }
  // A server that enforces the deadline resets with CANCEL, and its reset may overtake our own timer.
  if (expired && code === resetCancel) {
    return {
      ...base,
      code: status.DEADLINE_EXCEEDED,
      message: 'the deadline passed',
      processed: 'sent',
    }
  }
  return {
    ...base,
    code: statusFromReset(code),
    message: `the ${how === 'local' ? 'client' : 'server'} reset the stream with code ${code}`,
    processed: code === refusedStream && how === 'remote' && !headersSeen ? 'refused' : 'sent',
  }
}

const refusedStream = 7

/** Why the transport does not take a request: its headers cannot be sent. */
export function unsendable(error: unknown): string {
  return `the request cannot be sent: ${error instanceof Error ? error.message : String(error)}`
}

/** The outcome of a call that found no connection. */
export function unsentOutcome(code: number, message: string): CallOutcome {
  return { code, message, trailers: none, headersSeen: false, processed: 'unsent' }
}

/** The outcome of what went wrong on this side after the call was sent. */
export function localOutcome(code: number, message: string): CallOutcome {
  return { code, message, trailers: none, headersSeen: true, processed: 'sent' }
}
