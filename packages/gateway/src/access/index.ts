export { AccessFormat, type AccessPrivacy, envoyTemplate, jsonFields } from './access-format.ts'
export {
  AccessLog,
  type AccessLogOptions,
  type AccessLogSpec,
  type AccessLogStats,
} from './access-log.ts'
export { type AccessLogSettings, readAccessLogSpec } from './access-reader.ts'
export { AccessRecord } from './access-record.ts'
export { createFileSink, type LogSink, type SinkTarget } from './log-sink.ts'
export { redactQuery, secretHeaders } from './redaction.ts'
