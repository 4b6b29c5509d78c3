import { type Problem } from '@tidemill/core'
import { type BreakerSpec, readBreakerSpec } from './breaker/index.ts'
import { type ObjectMeta, objectKey } from './router/index.ts'
import { ObjectCheck } from './object-check.ts'
import { checkMetadata, durationMs } from './router/route-validator.ts'

export const policyVersion = 'gateway.tidemill.dev/v1'

/** What HTTPRoute does not say, attached to routes by `targetRefs` (Gateway API, GEP-713). */
export interface RoutePolicy {
  readonly apiVersion: typeof policyVersion
  readonly kind: 'RoutePolicy'
  readonly metadata: ObjectMeta
  readonly spec: RoutePolicySpec
}

/**
 * When several policies name a rule, each field comes from the first that sets it: those that name the
 * rule (`sectionName`) before those that name the route, then the oldest, then by namespace/name.
 */
export interface RoutePolicySpec {
  readonly targetRefs: readonly PolicyTarget[]
  /** Higher goes first among the routes of a hostname, whatever they match; default 0. */
  readonly priority?: number
  readonly breaker?: BreakerSpec
  /** Statuses of the upstream that count as failures; default 500, 502, 503, 504. */
  readonly failureCodes?: readonly number[]
  /** Used where the rule has no `timeouts` of its own. */
  readonly timeouts?: PolicyTimeouts
  /** Largest request body in bytes. */
  readonly maxBodyBytes?: number
}

/** Routes of the policy's own namespace. */
export interface PolicyTarget {
  readonly group: 'gateway.networking.k8s.io'
  readonly kind: 'HTTPRoute'
  readonly name: string
  /** Name of a rule; the whole route without it. */
  readonly sectionName?: string
}

export interface PolicyTimeouts {
  /** Until the response head, everything included; default 15s, `0s` is off. */
  readonly request?: string
  /** One try, from the end of the request until the response head; default 5s, `0s` is off. */
  readonly backendRequest?: string
  /** Longest silence while a response body streams; default 300s, `0s` is off. */
  readonly idle?: string
}

/** Everything that is wrong with a policy object, each with its JSON path; empty when it is valid. */
export function validateRoutePolicy(value: unknown): Problem[] {
  const check = new ObjectCheck()
  const policy = check.object('', value)
  if (policy === undefined) return check.problems
  check.oneOf('/apiVersion', policy['apiVersion'], [policyVersion])
  check.oneOf('/kind', policy['kind'], ['RoutePolicy'])
  checkMetadata(check, policy['metadata'])
  const spec = check.object('/spec', policy['spec'])
  if (spec === undefined) return check.problems
  check.known('/spec', spec, [
    'targetRefs',
    'priority',
    'breaker',
    'failureCodes',
    'timeouts',
    'maxBodyBytes',
  ])
  const targets = spec['targetRefs']
  if (!Array.isArray(targets) || targets.length === 0) {
    check.wrong('/spec/targetRefs', targets, 'a list of 1 to 16 targets')
  } else {
    check.list('/spec/targetRefs', targets, 16, (path, item) => {
      const target = check.object(path, item)
      if (target === undefined) return
      check.known(path, target, ['group', 'kind', 'name', 'sectionName'])
      check.oneOf(`${path}/group`, target['group'], ['gateway.networking.k8s.io'])
      check.oneOf(`${path}/kind`, target['kind'], ['HTTPRoute'])
      check.text(`${path}/name`, target['name'], 253)
      const section = target['sectionName']
      if (section !== undefined) check.text(`${path}/sectionName`, section, 253)
    })
  }
  check.integer('/spec/priority', spec['priority'], -1_000_000, 1_000_000)
  check.integer('/spec/maxBodyBytes', spec['maxBodyBytes'], 0, Number.MAX_SAFE_INTEGER)
  if (spec['breaker'] !== undefined) {
    readBreakerSpec(spec['breaker'], '/spec/breaker', check.problems)
  }
  check.list('/spec/failureCodes', spec['failureCodes'], 100, (path, item) => {
    if (item === undefined || item === null) check.wrong(path, item, 'a status')
    else check.integer(path, item, 400, 599)
  })
  if (spec['timeouts'] !== undefined) {
    const timeouts = check.object('/spec/timeouts', spec['timeouts'])
    const names = ['request', 'backendRequest', 'idle']
    if (timeouts !== undefined) check.known('/spec/timeouts', timeouts, names)
    for (const name of names) {
      const given = timeouts?.[name]
      if (given !== undefined && durationMs(given) === undefined) {
        check.wrong(`/spec/timeouts/${name}`, given, 'a duration with units, such as 10s or 500ms')
      }
    }
  }
  return check.problems
}

/** Settings of one rule after merging, in computed form; undefined where no policy says anything. */
export interface EffectivePolicy {
  /** The policies that were merged, first the one that wins. */
  readonly policies: readonly string[]
  readonly priority: number
  readonly breaker: BreakerSpec
  /** True when the breaker came from a policy that names the rule, which then has breakers of its own. */
  readonly breakerOfRule: boolean
  readonly failureCodes: readonly number[]
  readonly timeouts: PolicyTimeouts
  readonly maxBodyBytes: number | undefined
}

const defaultFailureCodes: readonly number[] = [500, 502, 503, 504]

/** Merges the policies that target a rule of a route. */
export function effectivePolicy(
  routeName: string,
  ruleName: string | undefined,
  policies: readonly RoutePolicy[],
): EffectivePolicy {
  const applies = (policy: RoutePolicy, section: string | undefined): boolean =>
    policy.spec.targetRefs.some((ref) => ref.name === routeName && ref.sectionName === section)
  const byAge = policies.toSorted(
    (a, b) => age(a) - age(b) || (objectKey(a.metadata) < objectKey(b.metadata) ? -1 : 1),
  )
  const ofRule = ruleName === undefined ? [] : byAge.filter((policy) => applies(policy, ruleName))
  const ofRoute = byAge.filter((policy) => applies(policy, undefined) && !ofRule.includes(policy))
  const ordered = [...ofRule, ...ofRoute].map((policy) => policy.spec)
  const first = <Key extends keyof RoutePolicySpec>(key: Key): RoutePolicySpec[Key] | undefined =>
    ordered.find((spec) => spec[key] !== undefined)?.[key]
  return {
    policies: [...ofRule, ...ofRoute].map((policy) => objectKey(policy.metadata)),
    priority: first('priority') ?? 0,
    breaker: first('breaker') ?? {},
    breakerOfRule: ofRule.some((policy) => policy.spec.breaker !== undefined),
    failureCodes: first('failureCodes') ?? defaultFailureCodes,
    timeouts: first('timeouts') ?? {},
    maxBodyBytes: first('maxBodyBytes'),
  }
}

function age(policy: RoutePolicy): number {
  const created = Date.parse(policy.metadata.creationTimestamp ?? '')
  return Number.isNaN(created) ? Number.MAX_SAFE_INTEGER : created
}
