import type { Problem } from '@tidemill/core'
import type { BackendTlsPolicyObject } from '../objects/backend-tls-policy.ts'
import type { BackendPolicyObject } from '../policy/backend-policy.ts'
import type { GatewayPolicyObject } from '../policy/gateway-policy.ts'
import { gatewayGroup } from '../objects/reference.ts'
import { type Condition, condition, type ParentStatus } from './condition.ts'
import type { Configuration } from './configuration.ts'
import type { StoredObject } from './object-store.ts'
import type { ServicePolicies } from './service-policies.ts'

interface PolicyStatus {
  readonly warnings: readonly Problem[]
  readonly parents: readonly ParentStatus[]
}

/** Status of the policies that name Services or Gateways; nothing for other kinds. */
export function policyStatus(
  configuration: Configuration,
  policies: ServicePolicies,
  stored: StoredObject,
  controllerName: string,
): PolicyStatus {
  switch (stored.kind) {
    case 'BackendTLSPolicy':
      return tlsStatus(configuration, policies, stored, controllerName)
    case 'BackendPolicy':
      return { warnings: missingServices(configuration, stored), parents: [] }
    case 'GatewayPolicy':
      return { warnings: missingGateways(configuration, stored), parents: [] }
    default:
      return { warnings: [], parents: [] }
  }
}

/** Ancestors are the Gateways whose routes use the Services (backendtlspolicy_types.go). */
function tlsStatus(
  configuration: Configuration,
  policies: ServicePolicies,
  stored: StoredObject,
  controllerName: string,
): PolicyStatus {
  const policy = stored.object as BackendTlsPolicyObject
  const namespace = policy.metadata.namespace ?? 'default'
  const generation = policy.metadata.generation ?? 1
  const gateways = new Set<string>()
  let winner: string | undefined
  let wins = false
  for (const ref of policy.spec.targetRefs) {
    if (ref.kind !== 'Service') continue
    const service = `${namespace}/${ref.name}`
    for (const user of configuration.backends.usersOf(service)) {
      const [kind, key = ''] = user.split(' ')
      const state = configuration.route(kind as 'HTTPRoute', key)
      for (const listener of state?.listeners ?? []) gateways.add(listener.gateway)
    }
    const first = policies.ordered('BackendTLSPolicy', service, ref.sectionName)[0]
    if (first === policy) wins = true
    else winner ??= first?.metadata.name
  }
  const result = policies.resolveTls(policy)
  const conditions: Condition[] = []
  if (!wins && winner !== undefined) {
    const message = `the policy ${winner} is older and names the same target`
    conditions.push(condition('Accepted', false, 'Conflicted', message, generation))
  } else if (result.fault === undefined) {
    conditions.push(condition('Accepted', true, 'Accepted', 'the policy holds', generation))
  } else {
    const { reason, message } = result.fault
    conditions.push(condition('Accepted', false, reason, message, generation))
  }
  const { unresolved } = result
  conditions.push(
    unresolved === undefined
      ? condition('ResolvedRefs', true, 'ResolvedRefs', 'all references resolve', generation)
      : condition('ResolvedRefs', false, unresolved.reason, unresolved.message, generation),
  )
  gateways.delete('')
  const parents = [...gateways].toSorted().map((gateway) => {
    const [ns = '', name = ''] = gateway.split('/')
    const ref = { group: gatewayGroup, kind: 'Gateway', namespace: ns, name }
    return { ref, controllerName, conditions }
  })
  return { warnings: missingServices(configuration, stored), parents }
}

function missingServices(configuration: Configuration, stored: StoredObject): Problem[] {
  const policy = stored.object as BackendTlsPolicyObject | BackendPolicyObject
  const namespace = policy.metadata.namespace ?? 'default'
  const { backends, store } = configuration
  return policy.spec.targetRefs.flatMap((ref, i): Problem[] => {
    const service = `${namespace}/${ref.name}`
    const known =
      store.get('Service', service) !== undefined ||
      [...backends.given().keys()].some((name) => name.replace(/:\d+$/u, '') === service)
    if (known) return []
    return [{ path: `/spec/targetRefs/${i}`, message: `there is no Service ${service}` }]
  })
}

function missingGateways(configuration: Configuration, stored: StoredObject): Problem[] {
  const policy = stored.object as GatewayPolicyObject
  const namespace = policy.metadata.namespace ?? 'default'
  return policy.spec.targetRefs.flatMap((ref, i): Problem[] => {
    const key = `${namespace}/${ref.name}`
    if (configuration.store.get('Gateway', key) !== undefined) return []
    return [{ path: `/spec/targetRefs/${i}`, message: `there is no Gateway ${key}` }]
  })
}
