export {
  type ConcurrencyLimit,
  type ConcurrencyOptions,
  type ConcurrencySnapshot,
  createConcurrencyLimit,
  shedError,
} from './concurrency-limit.ts'
export type { ConcurrencyReason } from './concurrency-rule.ts'
export {
  type AdaptiveSpec,
  type AdmissionSpec,
  type ConcurrencyConfig,
  concurrencyConfig,
  type ConcurrencySpec,
  type OverloadSpec,
  readConcurrencySpec,
} from './concurrency-spec.ts'
export { LoopLag } from './loop-lag.ts'
export type { ConcurrencyPermit } from './permit-pool.ts'
