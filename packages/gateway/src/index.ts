export type {
  Breaker,
  BreakerMode,
  BreakerSpec,
  BreakerState,
  Isolation,
} from './breaker/index.ts'
export type { BreakerStatus } from './breaker-registry.ts'
export type { ObjectState, ObjectStatus } from './configuration/index.ts'
export { type GatewayErrorCode, gatewayErrors } from './errors.ts'
export type { ExplainRequest, RequestExplanation } from './explanation.ts'
export { type Gateway, type GatewayOptions, openGateway } from './gateway.ts'
export type { TrafficMetrics } from './metrics.ts'
export {
  type PolicyTarget,
  type PolicyTimeouts,
  policyVersion,
  type RoutePolicy,
  type RoutePolicySpec,
  validateRoutePolicy,
} from './policy/index.ts'
export type { RequestFlag, RequestRecord } from './request-log.ts'
export {
  type Candidate,
  type Explanation,
  type HttpRoute,
  type HttpRouteSpec,
  objectKey,
  validateHttpRoute,
} from './router/index.ts'
