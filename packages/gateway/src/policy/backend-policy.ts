import type { Fields, ObjectCheck } from '../object-check.ts'
import type { ObjectMeta } from '../router/index.ts'
import { readClusterSpec } from '../upstream/cluster-spec.ts'
import { checkPolicyTargets } from './policy-target.ts'

/** How the gateway treats the hosts of Services: balancing, health, connections. */
export interface BackendPolicyObject {
  readonly apiVersion: 'gateway.tidemill.dev/v1'
  readonly kind: 'BackendPolicy'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly targetRefs: readonly {
      readonly group?: string
      readonly kind: 'Service'
      readonly name: string
      /** Name of a port of the Service; all ports without it. */
      readonly sectionName?: string
    }[]
    readonly [setting: string]: unknown
  }
}

export function checkBackendPolicy(check: ObjectCheck, spec: Fields): void {
  const { targetRefs, ...settings } = spec
  const refs: unknown = Array.isArray(targetRefs)
    ? targetRefs.map((ref: unknown) =>
        typeof ref === 'object' && ref !== null ? { group: '', ...ref } : ref,
      )
    : targetRefs
  checkPolicyTargets(check, refs, ['', 'core'], ['Service'])
  readClusterSpec(settings, '/spec', check.problems)
}
