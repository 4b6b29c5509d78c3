import { ENHANCE_YOUR_CALM, NO_ERROR, PROTOCOL_ERROR } from '../error-code.ts'
import type { HeaderBlock } from '../hpack/header-block.ts'
import type { StreamState } from './stream-state.ts'

/** Whether a decoded block is a request as RFC 9113 8.3.1 and 8.1.1 want it. */
export function isRequest(block: HeaderBlock, ends: boolean, extendedConnect: boolean): boolean {
  if (block.fault('request', extendedConnect) !== undefined) return false
  return !ends || block.contentLength <= 0
}

/** A server says 100, 102 and 103 a few times; one that goes on would keep a call waiting for ever. */
const mostInformational = 100

/**
 * Whether a decoded block is a response as RFC 9113 8.3.2 and 8.1.1 want it, informational or final; of a final one the
 * stream notes which length of content is to follow, and whether it was all.
 * @returns NO_ERROR, or the code of the peer's offence.
 */
export function takeResponse(stream: StreamState, block: HeaderBlock, ends: boolean): number {
  if (block.fault('response') !== undefined) return PROTOCOL_ERROR
  const { status } = block
  if (status < 200) {
    if (ends) return PROTOCOL_ERROR
    return ++stream.informational > mostInformational ? ENHANCE_YOUR_CALM : NO_ERROR
  }
  stream.headersReceived = true
  // These have no content, whatever length they announce.
  const empty = stream.isHead || status === 204 || status === 304
  stream.expectedLength = empty ? 0 : block.contentLength
  if (ends && stream.expectedLength > 0) return PROTOCOL_ERROR
  stream.remoteEnded = ends
  return NO_ERROR
}
