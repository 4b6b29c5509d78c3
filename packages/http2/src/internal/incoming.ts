import type { HeaderBlock } from '../hpack/header-block.ts'
import type { StreamState } from './stream-state.ts'

/** Whether a decoded block is a request as RFC 9113 8.3.1 and 8.1.1 want it. */
export function isRequest(block: HeaderBlock, ends: boolean, extendedConnect: boolean): boolean {
  if (block.fault('request', extendedConnect) !== undefined) return false
  return !ends || block.contentLength <= 0
}

/**
 * Whether a decoded block is a response as RFC 9113 8.3.2 and 8.1.1 want it, informational or final; of a final one the
 * stream notes which length of content is to follow.
 */
export function takeResponse(stream: StreamState, block: HeaderBlock, ends: boolean): boolean {
  if (block.fault('response') !== undefined) return false
  const { status } = block
  if (status < 200) return !ends
  stream.headersReceived = true
  // These have no content, whatever length they announce.
  const empty = stream.isHead || status === 204 || status === 304
  stream.expectedLength = empty ? 0 : block.contentLength
  return !ends || stream.expectedLength <= 0
}
