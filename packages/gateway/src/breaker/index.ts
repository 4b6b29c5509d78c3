export {
  type Breaker,
  type BreakerOptions,
  type BreakerSnapshot,
  type BreakerState,
  type BreakerTransition,
  createBreaker,
  type Isolation,
  type Outcome,
  type Permit,
} from './breaker.ts'
export {
  type BreakerConfig,
  type BreakerMode,
  type BreakerSpec,
  breakerConfig,
  readBreakerSpec,
} from './breaker-spec.ts'
