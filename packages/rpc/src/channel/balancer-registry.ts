import type { BalancerPolicy } from './load-balancer.ts'
import { pickFirst } from './pick-first.ts'
import { roundRobin } from './round-robin.ts'

const policies = new Map<string, BalancerPolicy>([
  ['pick_first', pickFirst],
  ['round_robin', roundRobin],
])

/**
 * Makes a balancing policy known by its name in `loadBalancingConfig`, for channels created from now on; registering a
 * name again replaces it.
 */
export function registerLoadBalancer(name: string, policy: BalancerPolicy): void {
  policies.set(name, policy)
}

export function findLoadBalancer(name: string): BalancerPolicy | undefined {
  return policies.get(name)
}

/** Names that a service config may use. */
export function loadBalancerNames(): ReadonlySet<string> {
  return new Set(policies.keys())
}
