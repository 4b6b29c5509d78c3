export { type BackoffOptions, backoffBound, backoffDelay } from './backoff.ts'
export {
  type Clock,
  createVirtualClock,
  realClock,
  type Timer,
  type VirtualClock,
} from './clock.ts'
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
export { createUuid7, type Id } from './id.ts'
export {
  type Closable,
  type CloseStack,
  createCloseStack,
  createDrain,
  type Drain,
} from './lifecycle.ts'
export { type Logger, type LogFields, type LogLevel, silentLogger } from './logger.ts'
export { createSeededRandom, type Random, realRandom } from './random.ts'
