import type { RoutePolicy } from '../policy/index.ts'
import { sloRules } from './slo-rules.ts'
import { readSloSpec } from './slo-spec.ts'

/** Something of a manifest; only RoutePolicies are looked at, and those must be valid. */
export interface PolicyObject {
  readonly kind: string
  readonly object: unknown
}

/** The Prometheus rules of every objective in the manifests, one rule file; undefined when there is no objective. */
export function policyRules(objects: readonly PolicyObject[]): string | undefined {
  const groups: string[] = []
  for (const { kind, object } of objects) {
    if (kind !== 'RoutePolicy') continue
    const { metadata, spec } = object as RoutePolicy
    const config = spec.slo === undefined ? undefined : readSloSpec(spec.slo, '/spec/slo', [])
    if (config === undefined) continue
    const namespace = metadata.namespace ?? 'default'
    for (const target of spec.targetRefs) {
      const route = `${namespace}/${target.name}`
      groups.push(sloRules(`${namespace}-${target.name}`, config, { route }))
    }
  }
  // Each is a file of its own; together they have one list of groups.
  return groups.length === 0
    ? undefined
    : `groups:\n${groups.map((text) => text.replace(/^groups:\n/u, '')).join('')}`
}
