export {
  type BenchConfig,
  type ConfigKind,
  configKeys,
  type NumberKey,
  type OptionProblem,
  type TextKey,
} from './bench-config.ts'
export {
  type BenchPlan,
  type BenchTarget,
  planBench,
  planTarget,
  type StreamPlan,
  type TargetConfig,
} from './bench-plan.ts'
export { type BenchCell, type BenchInput, type BenchProgress, runBench } from './bench-run.ts'
export { findMethod } from '../proto/find-method.ts'
export { readMetadata } from './call-metadata.ts'
export { readConfig } from './config-file.ts'
export { type BenchErrorCode, benchErrors } from './errors.ts'
export type { FailCondition } from './fail-on.ts'
export { roundedMs } from './format-number.ts'
export type { LoadTls, WindowSetting } from './load-settings.ts'
export { emptyMessage, messageJson, readMessages } from './json-messages.ts'
export { namedTypes, protoText } from './proto-text.ts'
export { takesStream } from './payload.ts'
export { createRelay, type Relay, type RelayOptions } from './relay.ts'
export type { BenchReport, EndReason, Percentiles, ReportDetail, ReportExtra } from './report.ts'
export { formatReport, type ReportFormat, reportFormats } from './report-format.ts'
export type { ReportOptions } from './report-options.ts'
export { hdrText } from './hdr-text.ts'
export type { LoadSchedule, WorkerSchedule } from './schedule.ts'
export {
  formatSweep,
  type SweepDocument,
  sweepDocument,
  type SweepFormat,
  sweepFormats,
} from './sweep-report.ts'
export {
  findService,
  findSymbol,
  methodName,
  readProtoset,
  type Schema,
  type SchemaSymbol,
  servicesOf,
} from './symbol.ts'
export type { FlowMeasure, Verdict, Windows } from './verdict.ts'
export { parseGoDuration } from './go-duration.ts'
