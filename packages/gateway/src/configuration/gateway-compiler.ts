import type { ListenerSettings, TlsPlan } from '../listener/listener-plan.ts'
import type {
  FrontendValidation,
  GatewayListener,
  GatewayObject,
  ListenerSetObject,
} from '../objects/gateway.ts'
import { compareAge } from '../objects/age.ts'
import { gatewayGroup } from '../objects/reference.ts'
import {
  addressRule,
  type GatewayPolicyObject,
  type GatewayPolicySpec,
  listenerSettings,
} from '../policy/gateway-policy.ts'
import { type KeyPair, type Referrer, resolveAuthority, resolveKeyPair } from './certificates.ts'
import type { ConfigurationOptions, SocketAddress } from './configuration-options.ts'
import { type GatewayState, referencesOf, signatureOf } from './gateway-state.ts'
import { type Fault, ListenerState, supportedKinds } from './listener-state.ts'
import { markConflicts, markOverlaps } from './listener-conflicts.ts'
import { letsIn } from './namespaces.ts'
import { type ObjectStore } from './object-store.ts'

const protocols: readonly string[] = ['HTTP', 'HTTPS', 'TLS', 'TCP', 'UDP']

/** Where the listeners of a Gateway are bound. */
export type ListenAddress = NonNullable<ConfigurationOptions['listenAddress']>

/** One listener in the order of precedence, with the object it stands in. */
interface Wanted {
  readonly owner: string
  readonly kind: 'Gateway' | 'ListenerSet'
  readonly namespace: string
  readonly spec: GatewayListener
}

/** Compiles a Gateway; listeners that were there keep their routers and what is attached to them. */
export function compileGateway(
  store: ObjectStore,
  key: string,
  gateway: GatewayObject,
  sets: readonly ListenerSetObject[],
  policies: readonly GatewayPolicyObject[],
  listenAddress: ListenAddress,
  before: GatewayState | undefined,
): GatewayState {
  const namespace = gateway.metadata.namespace ?? 'default'
  const joined = new Map<string, Fault | undefined>()
  const wanted: Wanted[] = gateway.spec.listeners.map((spec) => ({
    owner: `Gateway ${key}`,
    kind: 'Gateway',
    namespace,
    spec,
  }))
  for (const set of sets.toSorted((a, b) => compareAge(a.metadata, b.metadata))) {
    const own = set.metadata.namespace ?? 'default'
    const setKey = `${own}/${set.metadata.name}`
    const rule = gateway.spec.allowedListeners?.namespaces
    if (!letsIn(store, rule, 'None', namespace, own)) {
      const message = `the Gateway ${key} takes no ListenerSet of the namespace ${own}`
      joined.set(setKey, { reason: 'NotAllowed', message })
      continue
    }
    joined.set(setKey, undefined)
    for (const spec of set.spec.listeners) {
      wanted.push({ owner: `ListenerSet ${setKey}`, kind: 'ListenerSet', namespace: own, spec })
    }
  }
  const known = new Map(
    before?.listeners.map((state) => [`${state.owner} ${state.spec.name}`, state]),
  )
  const unaccepted = gatewayFault(gateway)
  const listeners = wanted.map((one) => {
    const policy = policyFor(policies, one.spec.name)
    const settings = listenerSettings(policy)
    const old = known.get(`${one.owner} ${one.spec.name}`)
    const same = old !== undefined && old.spec.protocol === one.spec.protocol
    const state = same ? old : new ListenerState(key, one.owner, one.namespace, one.spec, settings)
    const from = { group: gatewayGroup, kind: one.kind, namespace: one.namespace }
    fill(store, state, one.spec, settings, from, gateway, listenAddress(key, one.spec.port))
    state.admits = addressRule(policy)
    if (unaccepted !== undefined) state.unprogrammed ??= unaccepted
    return state
  })
  markConflicts(listeners)
  markOverlaps(listeners)
  for (const state of listeners) state.changed()
  const client = clientCertificate(store, gateway)
  return {
    key,
    object: gateway,
    listeners,
    sets: joined,
    clientCertificate: client.pair,
    clientCertificateFault: client.fault,
    unaccepted,
    references: referencesOf(gateway, sets),
    signature: signatureOf(listeners),
  }
}

/** The oldest policy for the listener, else the oldest for the Gateway. */
function policyFor(
  policies: readonly GatewayPolicyObject[],
  section: string,
): GatewayPolicySpec | undefined {
  const first = (wanted: string | undefined): GatewayPolicyObject | undefined =>
    policies.find((policy) => policy.spec.targetRefs.some((ref) => ref.sectionName === wanted))
  return (first(section) ?? first(undefined))?.spec
}

/** What makes a whole Gateway unfit (gateway_types.go, GatewayReasonInvalidParameters, UnsupportedAddress). */
function gatewayFault(gateway: GatewayObject): Fault | undefined {
  const { parametersRef } = gateway.spec.infrastructure ?? {}
  if (parametersRef !== undefined) {
    const message = `parameters of kind ${parametersRef.group}/${parametersRef.kind} are not served`
    return { reason: 'InvalidParameters', message }
  }
  const odd = gateway.spec.addresses?.find(
    (address) => (address.type ?? 'IPAddress') !== 'IPAddress' && address.type !== 'Hostname',
  )
  if (odd === undefined) return undefined
  const message = `addresses of type ${odd.type ?? ''} are not served, but IPAddress and Hostname`
  return { reason: 'UnsupportedAddress', message }
}

function fill(
  store: ObjectStore,
  state: ListenerState,
  spec: GatewayListener,
  settings: ListenerSettings,
  from: Referrer,
  gateway: GatewayObject,
  address: SocketAddress | undefined,
): void {
  state.spec = spec
  state.settings = settings
  state.hostname = spec.hostname ?? ''
  state.address = address
  state.conflict = undefined
  state.unaccepted = undefined
  state.unresolved = undefined
  state.unprogrammed = undefined
  state.overlapping = undefined
  state.tls = undefined
  state.certificateNames = []
  const { kinds, refused } = supportedKinds(spec)
  state.supportedKinds = kinds
  if (!protocols.includes(spec.protocol)) {
    const message = `the protocol ${spec.protocol} is not served, but ${protocols.join(', ')}`
    state.unaccepted = { reason: 'UnsupportedProtocol', message }
    return
  }
  if (address === undefined) {
    const message = `port ${spec.port} cannot be bound here`
    state.unaccepted = { reason: 'PortUnavailable', message }
  }
  if (refused.length > 0) {
    const message = `a listener of protocol ${spec.protocol} carries no ${refused.join(', ')}`
    state.unresolved = { reason: 'InvalidRouteKinds', message }
  }
  if (spec.protocol === 'HTTPS' || spec.protocol === 'TLS') {
    state.tls = compileTls(store, state, spec, from, gateway)
  }
}

function compileTls(
  store: ObjectStore,
  state: ListenerState,
  spec: GatewayListener,
  from: Referrer,
  gateway: GatewayObject,
): TlsPlan | undefined {
  const mode = spec.tls?.mode ?? 'Terminate'
  if (mode === 'Passthrough') {
    return { mode, certificates: [], clientValidation: undefined, alpn: [] }
  }
  const pairs: KeyPair[] = []
  for (const ref of spec.tls?.certificateRefs ?? []) {
    const pair = resolveKeyPair(store, from, ref, 'InvalidCertificateRef')
    if (pair.value === undefined) state.unresolved ??= pair
    else pairs.push(pair.value)
  }
  if (pairs.length === 0) {
    const message = 'it has no certificate that can be used'
    state.unresolved ??= { reason: 'InvalidCertificateRef', message }
    state.unprogrammed = { reason: 'Invalid', message }
  }
  state.certificateNames = pairs.flatMap((pair) => pair.names)
  const clientValidation = compileValidation(store, state, spec.port, gateway)
  const alpn = spec.protocol === 'HTTPS' ? alpnOf(spec) : []
  return { mode, certificates: pairs, clientValidation, alpn }
}

/** `tls.options` may name the protocols: `gateway.tidemill.dev/alpn: http/1.1`. */
function alpnOf(spec: GatewayListener): readonly string[] {
  const option = spec.tls?.options?.['gateway.tidemill.dev/alpn']
  const named = (option ?? '').split(',').map((name) => name.trim())
  const known = named.filter((name) => name === 'h2' || name === 'http/1.1')
  return known.length > 0 ? known : ['h2', 'http/1.1']
}

function compileValidation(
  store: ObjectStore,
  state: ListenerState,
  port: number,
  gateway: GatewayObject,
): TlsPlan['clientValidation'] {
  const { frontend } = gateway.spec.tls ?? {}
  const perPort = frontend?.perPort?.find((one) => one.port === port)
  const validation: FrontendValidation | undefined =
    perPort === undefined ? frontend?.default.validation : perPort.tls.validation
  if (validation === undefined) return undefined
  const from = {
    group: gatewayGroup,
    kind: 'Gateway',
    namespace: gateway.metadata.namespace ?? 'default',
  }
  const ca: string[] = []
  for (const ref of validation.caCertificateRefs) {
    const authority = resolveAuthority(store, from, ref)
    if (authority.value === undefined) state.unresolved ??= authority
    else ca.push(authority.value)
  }
  if (ca.length === 0) {
    const message = 'none of its client authorities can be used'
    state.unaccepted = { reason: 'NoValidCACertificate', message }
  }
  return { ca, mode: validation.mode ?? 'AllowValidOnly' }
}

function clientCertificate(
  store: ObjectStore,
  gateway: GatewayObject,
): { readonly pair: KeyPair | undefined; readonly fault: Fault | undefined } {
  const ref = gateway.spec.tls?.backend?.clientCertificateRef
  if (ref === undefined) return { pair: undefined, fault: undefined }
  const namespace = gateway.metadata.namespace ?? 'default'
  const from = { group: gatewayGroup, kind: 'Gateway', namespace }
  const found = resolveKeyPair(store, from, ref, 'InvalidClientCertificateRef')
  return found.value === undefined
    ? { pair: undefined, fault: found }
    : { pair: found.value, fault: undefined }
}
