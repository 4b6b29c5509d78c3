export { type EffectivePolicy, effectivePolicy, noPolicy } from './effective-policy.ts'
export type { PolicyParts } from './policy-parts.ts'
export {
  type PolicyFallback,
  type PolicyHash,
  type PolicyRetry,
  type PolicyTarget,
  type PolicyTimeouts,
  policyVersion,
  type RoutePolicy,
  type RoutePolicySpec,
  validateRoutePolicy,
} from './route-policy.ts'
