export { type BackoffOptions, backoffBound, backoffDelay } from './backoff.ts'
export { type ByteSize, parseBytes } from './byte-size.ts'
export {
  type Clock,
  createVirtualClock,
  realClock,
  type Timer,
  type VirtualClock,
} from './clock.ts'
export { crc32 } from './crc32.ts'
export { crc32c } from './crc32c.ts'
export { createDeadline, type Deadline, withDeadline } from './deadline.ts'
export { type Duration, formatDuration, parseDuration } from './duration.ts'
export {
  type ErrorCode,
  type ErrorDetails,
  type ErrorJson,
  type Problem,
  TidemillError,
  type TidemillErrorOptions,
} from './error.ts'
export { type ErrorRow, type ErrorTable, errorTable } from './error-table.ts'
export { type CoreErrorCode, coreErrors } from './errors.ts'
export { createHistogram, type Histogram, type HistogramSnapshot } from './histogram.ts'
export { createUuid7, type Id } from './id.ts'
export { parseJson, type ParseJsonOptions } from './json-text.ts'
export {
  type Closable,
  type CloseStack,
  createCloseStack,
  createDrain,
  type Drain,
} from './lifecycle.ts'
export { type Logger, type LogFields, type LogLevel, silentLogger } from './logger.ts'
export { nearest } from './nearest.ts'
export { problemContentType, type ProblemDocument, problemDocument } from './problem.ts'
export { createSeededRandom, type Random, realRandom } from './random.ts'
export {
  createRing,
  type RingConsumer,
  ringConsumer,
  type RingHandler,
  type RingOptions,
  type RingProducer,
  ringProducer,
} from './ring.ts'
export { schema } from './schema/builders.ts'
export type {
  ArrayOptions,
  ObjectOptions,
  ObjectSchema,
  RecordOptions,
} from './schema/collection.ts'
export type { Json } from './schema/json.ts'
export type { RangeOptions, StringOptions } from './schema/scalar.ts'
export type {
  AnySchema,
  Infer,
  InferInput,
  JsonSchema,
  Presence,
  Schema,
  Validated,
} from './schema/schema.ts'
export {
  createTimerWheel,
  sharedTimerWheel,
  type TimerWheel,
  type TimerWheelOptions,
  type WheelTimer,
} from './timer-wheel.ts'
export { ProtoReader } from './wire/proto-reader.ts'
export { ProtoWriter } from './wire/proto-writer.ts'
export {
  unzigzag32,
  unzigzag64,
  varint32Length,
  writeVarint32,
  writeVarint64,
  zigzag32,
  zigzag64,
} from './wire/varint.ts'
export { type SlabPiece, WriteSlab } from './write-slab.ts'
