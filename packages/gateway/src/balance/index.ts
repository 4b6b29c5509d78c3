export { type Balancer, type BalancerPorts, createBalancer } from './balancer.ts'
export {
  type BalancerConfig,
  type BalancerSpec,
  type BalancerType,
  readBalancerSpec,
} from './balancer-spec.ts'
export {
  createHealthChecker,
  type HealthChecker,
  type HealthCheckerPorts,
  type HealthEvent,
  type Probe,
  type ProbeFactory,
} from './health-checker.ts'
export {
  type HealthCheckConfig,
  type HealthCheckSpec,
  readHealthCheckSpec,
} from './health-check-spec.ts'
export {
  attempt,
  type AttemptCounts,
  type AttemptOutcome,
  createHost,
  type Host,
  type HostAddress,
  hostKey,
  isFailure,
  isUsable,
  mergeHosts,
} from './host.ts'
export { hashKey } from './key-hash.ts'
export {
  createOutlierDetector,
  type EjectionReason,
  type OutlierDetector,
  type OutlierEvent,
  type OutlierPorts,
} from './outlier-detector.ts'
export { type OutlierConfig, type OutlierSpec, readOutlierSpec } from './outlier-spec.ts'
export { grpcProbe, type GrpcProbeOptions } from './probe/grpc-probe.ts'
export { httpProbe, type HttpProbeOptions } from './probe/http-probe.ts'
export { tcpProbe } from './probe/tcp-probe.ts'
export {
  createRetryBudget,
  readRetryBudgetSpec,
  type RetryBudget,
  type RetryBudgetConfig,
  type RetryBudgetSpec,
} from './retry-budget.ts'
export { retryAfterDelay, retryDelay, retryDelayBound } from './retry-delay.ts'
