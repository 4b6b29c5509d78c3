export type { LimitCondition, LimitDescriptor } from './descriptor-spec.ts'
export {
  LeaseClient,
  type LeaseClientOptions,
  type LeaseStats,
} from './lease-client.ts'
export { LeaseCoordinator, type LeaseCoordinatorOptions } from './lease-coordinator.ts'
export type { LeaseMessage, LeasePort } from './lease-message.ts'
export {
  limitConfig,
  type LimitConfig,
  type LimitCost,
  type LimitOverride,
  type LimitRate,
  type LimitSpec,
  type LimitTier,
  readLimitSpec,
} from './limit-spec.ts'
export type { Limiter } from './limiter.ts'
export { createLimiter, type LimiterOptions } from './limiter-factory.ts'
export { addressNetwork } from './address-network.ts'
export {
  type LimitOutcome,
  limitPolicy,
  retryAfterSeconds,
  writeLimitHeaders,
} from './limit-headers.ts'
export { type LimitIdentity, LimitKey } from './limit-key.ts'
export { type LimitCounts, RequestLimit } from './request-limit.ts'
