export { createHttp2Connection, type Http2Connection } from './connection.ts'
export {
  CANCEL,
  COMPRESSION_ERROR,
  CONNECT_ERROR,
  ENHANCE_YOUR_CALM,
  errorCodeName,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  HTTP_1_1_REQUIRED,
  INADEQUATE_SECURITY,
  INTERNAL_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
  SETTINGS_TIMEOUT,
  STREAM_CLOSED,
} from './error-code.ts'
export { http2Errors, type Http2ErrorCode } from './errors.ts'
export type { FlowStats, SendBlockedMs } from './flow/flow-stats.ts'
export { ReceiveBudget } from './flow/receive-budget.ts'
export type { ConnectionHandler, StreamEnd, StreamHandler } from './handler.ts'
export type { HeaderList } from './header-list.ts'
export type { Http2Limits, Http2Options } from './options.ts'
export type { PeerSettings } from './settings.ts'
export type { Http2Stats } from './stats.ts'
export type { Http2Stream } from './stream.ts'
