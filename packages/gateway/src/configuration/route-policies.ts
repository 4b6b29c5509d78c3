import {
  type EffectivePolicy,
  effectivePolicy,
  noPolicy,
  type RoutePolicy,
} from '../policy/index.ts'
import { objectKey } from '../router/index.ts'
import type { AnyObject } from './object-store.ts'

/** RoutePolicies by the routes that they name. */
export class RoutePolicies {
  readonly #byRoute = new Map<string, Map<string, RoutePolicy>>()

  /** Notes a changed policy; gives the ids of the routes that it named and names. */
  note(before: AnyObject | undefined, after: AnyObject | undefined): Set<string> {
    const routes = new Set<string>()
    for (const policy of [before, after] as (RoutePolicy | undefined)[]) {
      if (policy === undefined) continue
      const key = objectKey(policy.metadata)
      for (const route of targetsOf(policy)) {
        routes.add(route)
        let list = this.#byRoute.get(route)
        if (list === undefined) this.#byRoute.set(route, (list = new Map()))
        if (policy === after) list.set(key, policy)
        else list.delete(key)
        if (list.size === 0) this.#byRoute.delete(route)
      }
    }
    return routes
  }

  /** What holds for a rule of a route. */
  effective(
    kind: 'HTTPRoute' | 'GRPCRoute',
    key: string,
    rule: string | undefined,
  ): EffectivePolicy {
    const policies = this.#byRoute.get(`${kind} ${key}`)
    if (policies === undefined) return noPolicy
    const name = key.slice(key.indexOf('/') + 1)
    return effectivePolicy(kind, name, rule, [...policies.values()])
  }
}

/** Ids `kind namespace/name` of the routes that a policy names. */
export function targetsOf(policy: RoutePolicy): string[] {
  const namespace = policy.metadata.namespace ?? 'default'
  return policy.spec.targetRefs.map((ref) => `${ref.kind} ${namespace}/${ref.name}`)
}
