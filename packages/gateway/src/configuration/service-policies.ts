import { compareAge } from '../objects/age.ts'
import type { BackendTlsPolicyObject } from '../objects/backend-tls-policy.ts'
import type { BackendPolicyObject } from '../policy/backend-policy.ts'
import { objectKey } from '../router/index.ts'
import { resolveAuthority } from './certificates.ts'
import type { BackendTlsPlan } from './cluster-directory.ts'
import type { Fault } from './listener-state.ts'
import type { AnyObject, ObjectStore } from './object-store.ts'
import { coreGroup } from './reference-grants.ts'

/** What a BackendTLSPolicy came to. */
export interface TlsPolicyResult {
  readonly plan: BackendTlsPlan | undefined
  /** Why the backend cannot be spoken to. */
  readonly fault: Fault | undefined
  /** A reference that leads nowhere, while others do. */
  readonly unresolved: Fault | undefined
}

type ServicePolicy = BackendTlsPolicyObject | BackendPolicyObject

/** Policies that name Services: which one holds for which port. */
export class ServicePolicies {
  readonly #store: ObjectStore
  readonly #byService = new Map<string, Map<string, ServicePolicy>>()

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** Notes a changed policy; gives the Services that it named and names. */
  note(before: AnyObject | undefined, after: AnyObject | undefined): Set<string> {
    const services = new Set<string>()
    for (const policy of [before, after] as (ServicePolicy | undefined)[]) {
      if (policy === undefined) continue
      const id = `${policy.kind} ${objectKey(policy.metadata)}`
      for (const service of targetsOf(policy)) {
        services.add(service)
        let list = this.#byService.get(service)
        if (list === undefined) this.#byService.set(service, (list = new Map()))
        if (policy === after) list.set(id, policy)
        else list.delete(id)
        if (list.size === 0) this.#byService.delete(service)
      }
    }
    return services
  }

  /** The Services of a policy that takes its authorities from that ConfigMap or Secret. */
  usesAuthority(object: AnyObject | undefined, kind: string, key: string): readonly string[] {
    const policy = object as BackendTlsPolicyObject | undefined
    const namespace = policy?.metadata.namespace ?? 'default'
    const uses = policy?.spec.validation.caCertificateRefs?.some(
      (ref) => ref.kind === kind && `${namespace}/${ref.name}` === key,
    )
    return policy !== undefined && uses === true ? targetsOf(policy) : []
  }

  /** The policies of a kind that name a port, or the whole Service: first the one in force. */
  ordered(kind: string, service: string, section: string | undefined): ServicePolicy[] {
    const name = service.slice(service.indexOf('/') + 1)
    return [...(this.#byService.get(service)?.values() ?? [])]
      .filter(
        (policy) =>
          policy.kind === kind &&
          policy.spec.targetRefs.some(
            (ref) => ref.name === name && ref.kind === 'Service' && ref.sectionName === section,
          ),
      )
      .toSorted((a, b) => compareAge(a.metadata, b.metadata))
  }

  /** TLS for a port; undefined when no policy names it. */
  tlsFor(service: string, port: string | undefined): TlsPolicyResult | undefined {
    const policy = this.#first('BackendTLSPolicy', service, port)
    return policy === undefined ? undefined : this.resolveTls(policy as BackendTlsPolicyObject)
  }

  settingsFor(service: string, port: string | undefined): unknown {
    const policy = this.#first('BackendPolicy', service, port) as BackendPolicyObject | undefined
    if (policy === undefined) return undefined
    const { targetRefs: _, ...settings } = policy.spec
    return settings
  }

  resolveTls(policy: BackendTlsPolicyObject): TlsPolicyResult {
    const { validation } = policy.spec
    const namespace = policy.metadata.namespace ?? 'default'
    const from = { group: 'gateway.networking.k8s.io', kind: 'BackendTLSPolicy', namespace }
    const ca: string[] = []
    let unresolved: Fault | undefined
    for (const ref of validation.caCertificateRefs ?? []) {
      const authority = resolveAuthority(this.#store, from, ref)
      if (authority.value !== undefined) ca.push(authority.value)
      else {
        const { reason, message } = authority
        unresolved ??= {
          reason: reason === 'InvalidCACertificateKind' ? 'InvalidKind' : reason,
          message,
        }
      }
    }
    const wellKnown = validation.wellKnownCACertificates
    if (wellKnown !== undefined && wellKnown !== 'System') {
      const message = `well-known authorities ${wellKnown} are not served, but System`
      return { plan: undefined, fault: { reason: 'Invalid', message }, unresolved }
    }
    if (wellKnown === undefined && ca.length === 0) {
      const message = unresolved?.message ?? 'none of its authorities can be used'
      return { plan: undefined, fault: { reason: 'NoValidCACertificate', message }, unresolved }
    }
    const names = (validation.subjectAltNames ?? []).map((name) => ({
      type: name.type,
      value: (name.type === 'URI' ? name.uri : name.hostname) ?? '',
    }))
    const { hostname } = validation
    const plan = { hostname, ca, names, client: undefined }
    return { plan, fault: undefined, unresolved }
  }

  /** A policy for the port comes before one for the whole Service. */
  #first(kind: string, service: string, port: string | undefined): ServicePolicy | undefined {
    const named = port === undefined ? undefined : this.ordered(kind, service, port)[0]
    return named ?? this.ordered(kind, service, undefined)[0]
  }
}

/** The Services that a policy names. */
export function targetsOf(policy: ServicePolicy): string[] {
  const namespace = policy.metadata.namespace ?? 'default'
  return policy.spec.targetRefs
    .filter((ref) => ref.kind === 'Service' && coreGroup(ref.group) === '')
    .map((ref) => `${namespace}/${ref.name}`)
}
