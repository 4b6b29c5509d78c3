import type { BreakerSpec } from '../breaker/index.ts'
import { compareAge } from '../objects/age.ts'
import { objectKey } from '../router/index.ts'
import { type PolicyParts, readAuth, readSlo } from './policy-parts.ts'
import type {
  PolicyFallback,
  PolicyHash,
  PolicyRetry,
  PolicyTimeouts,
  RoutePolicy,
  RoutePolicySpec,
} from './route-policy.ts'

/** Settings of one rule after merging, in computed form; undefined where no policy says anything. */
export interface EffectivePolicy extends PolicyParts {
  /** The policies that were merged, first the one that wins. */
  readonly policies: readonly string[]
  readonly priority: number
  readonly breaker: BreakerSpec
  /** True when the breaker came from a policy that names the rule, which then has breakers of its own. */
  readonly breakerOfRule: boolean
  readonly failureCodes: readonly number[]
  readonly timeouts: PolicyTimeouts
  readonly maxBodyBytes: number | undefined
  readonly retry: PolicyRetry | undefined
  readonly websocket: boolean
  readonly hash: PolicyHash | undefined
  readonly fallback: PolicyFallback | undefined
}

const defaultFailureCodes: readonly number[] = [500, 502, 503, 504]

/** What holds for a rule that no policy names. */
export const noPolicy: EffectivePolicy = mergePolicies([], [])

/** Merges the policies that target a rule of a route. */
export function effectivePolicy(
  kind: 'HTTPRoute' | 'GRPCRoute',
  routeName: string,
  ruleName: string | undefined,
  policies: readonly RoutePolicy[],
): EffectivePolicy {
  if (policies.length === 0) return noPolicy
  const applies = (policy: RoutePolicy, section: string | undefined): boolean =>
    policy.spec.targetRefs.some(
      (ref) => ref.name === routeName && ref.kind === kind && ref.sectionName === section,
    )
  const byAge = policies.toSorted((a, b) => compareAge(a.metadata, b.metadata))
  const ofRule = ruleName === undefined ? [] : byAge.filter((policy) => applies(policy, ruleName))
  const ofRoute = byAge.filter((policy) => applies(policy, undefined) && !ofRule.includes(policy))
  return mergePolicies(ofRule, ofRoute)
}

function mergePolicies(
  ofRule: readonly RoutePolicy[],
  ofRoute: readonly RoutePolicy[],
): EffectivePolicy {
  const all = [...ofRule, ...ofRoute]
  const first = <Key extends keyof RoutePolicySpec>(key: Key): RoutePolicySpec[Key] | undefined =>
    all.find((policy) => policy.spec[key] !== undefined)?.spec[key]
  const auth = first('auth')
  const slo = first('slo')
  return {
    policies: all.map((policy) => objectKey(policy.metadata)),
    priority: first('priority') ?? 0,
    breaker: first('breaker') ?? {},
    breakerOfRule: ofRule.some((policy) => policy.spec.breaker !== undefined),
    failureCodes: first('failureCodes') ?? defaultFailureCodes,
    timeouts: first('timeouts') ?? {},
    maxBodyBytes: first('maxBodyBytes'),
    retry: first('retry'),
    websocket: first('upgrades')?.includes('websocket') ?? true,
    hash: first('hash'),
    fallback: first('fallback'),
    limits: first('limits'),
    auth: auth === undefined ? undefined : readAuth(auth, '', []),
    slo: slo === undefined ? undefined : readSlo(slo),
    concurrency: first('concurrency'),
  }
}
