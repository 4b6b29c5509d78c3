import type { UpstreamHandler } from '../upstream/upstream-call.ts'
import type { Exchange } from './exchange.ts'

/** Hands what becomes of a call to its exchange, which is the call's state. */
export const upstreamEvents: UpstreamHandler = {
  onInformational(call, status, headers) {
    ;(call.state as Exchange).onInformational(status, headers)
  },
  onResponse(call, status, headers, bodyLength) {
    ;(call.state as Exchange).onResponse(status, headers, bodyLength)
  },
  onBody(call, chunk) {
    ;(call.state as Exchange).onBody(chunk)
  },
  onEnd(call, trailers) {
    ;(call.state as Exchange).onEnd(trailers)
  },
  onWritable(call) {
    ;(call.state as Exchange).onUpstreamWritable()
  },
  onFailure(call, failure) {
    ;(call.state as Exchange).onFailure(failure)
  },
}
