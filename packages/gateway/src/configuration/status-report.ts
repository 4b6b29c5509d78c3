import type { Problem } from '@tidemill/core'
import type { GatewayClassObject, ListenerSetObject } from '../objects/gateway.ts'
import { gatewayGroup } from '../objects/reference.ts'
import { isFields } from '../object-check.ts'
import { backendFaults } from './backend-faults.ts'
import {
  type Condition,
  condition,
  type ListenerStatus,
  type ObjectStatusReport,
  type ParentStatus,
} from './condition.ts'
import type { Configuration } from './configuration.ts'
import type { RouteState } from './route-registry.ts'
import type { GatewayState } from './gateway-state.ts'
import { type Fault, type ListenerState, type RouteKind, routeKinds } from './listener-state.ts'
import { type StoredObject, stateOf } from './object-store.ts'
import { policyStatus } from './policy-report.ts'
import { policyWarnings, routeWarnings } from './route-warnings.ts'
import { shadowWarnings } from './static-checks.ts'
import type { ServicePolicies } from './service-policies.ts'

/** Name under which we sign statuses where the options name none. */
export const ourController = 'gateway.tidemill.dev/gateway'

const kindsOfRoutes: ReadonlySet<string> = new Set(routeKinds)

/** The status of every object, in the order of kinds and then of arrival. */
export function reportAll(
  configuration: Configuration,
  policies: ServicePolicies,
  controllerName: string | undefined,
): ObjectStatusReport[] {
  const controller = controllerName ?? ourController
  const gateways = new Map(Array.from(configuration.gateways(), (state) => [state.key, state]))
  const shadows = shadowWarnings(configuration.sockets().flatMap((socket) => socket.listeners))
  return Array.from(configuration.store.all(), (stored) => {
    const base = baseReport(stored)
    if (stored.object === undefined) return base
    if (stored.kind === 'Gateway') return gatewayReport(base, stored, gateways.get(stored.key))
    if (stored.kind === 'ListenerSet') return setReport(base, stored, gateways)
    if (stored.kind === 'GatewayClass') return classReport(base, stored, controllerName)
    if (kindsOfRoutes.has(stored.kind)) {
      const state = configuration.route(stored.kind as RouteKind, stored.key)
      const report = routeReport(base, configuration, state, controller)
      const more = shadows.get(`${stored.kind} ${stored.key}`)
      return more === undefined ? report : { ...report, warnings: [...report.warnings, ...more] }
    }
    if (stored.kind === 'RoutePolicy') {
      return { ...base, warnings: policyWarnings(configuration.store, stored) }
    }
    return { ...base, ...policyStatus(configuration, policies, stored, controller) }
  })
}

function baseReport(stored: StoredObject): ObjectStatusReport {
  const { kind, key, revision, origin, problems } = stored
  return {
    kind,
    key,
    state: stateOf(stored),
    revision,
    origin,
    problems,
    warnings: [],
    conditions: [],
    listeners: [],
    addresses: [],
    parents: [],
  }
}

export function generationOf(stored: StoredObject): number {
  return stored.object?.metadata.generation ?? 1
}

/** A condition that holds unless there is a fault. */
function unless(
  type: string,
  fault: Fault | undefined,
  fine: string,
  message: string,
  generation: number,
): Condition {
  return fault === undefined
    ? condition(type, true, fine, message, generation)
    : condition(type, false, fault.reason, fault.message, generation)
}

function acceptFault(state: ListenerState): Fault | undefined {
  return state.unaccepted ?? state.conflict ?? state.unplaced
}

export function listenerStatus(state: ListenerState, generation: number): ListenerStatus {
  const accepted = acceptFault(state)
  const idle = accepted === undefined ? undefined : { ...accepted }
  // A listener in conflict says so in Programmed too; other faults make it Invalid.
  const programmed: Fault | undefined =
    state.conflict ??
    (idle === undefined
      ? (state.unprogrammed ?? undefined)
      : { reason: 'Invalid', message: idle.message })
  const conditions = [
    unless('Accepted', accepted, 'Accepted', 'the listener is valid', generation),
    unless('Programmed', programmed, 'Programmed', 'the listener serves', generation),
    unless('ResolvedRefs', state.unresolved, 'ResolvedRefs', 'all references resolve', generation),
    state.conflict === undefined
      ? condition('Conflicted', false, 'NoConflicts', 'no listener is in its way', generation)
      : condition('Conflicted', true, state.conflict.reason, state.conflict.message, generation),
  ]
  if (state.overlapping !== undefined) {
    const { reason, message } = state.overlapping
    conditions.push(condition('OverlappingTLSConfig', true, reason, message, generation))
  }
  return {
    name: state.spec.name,
    supportedKinds: state.supportedKinds.map((kind) => ({ group: gatewayGroup, kind })),
    attachedRoutes: state.usable ? state.attached.size : 0,
    conditions,
  }
}

function gatewayReport(
  base: ObjectStatusReport,
  stored: StoredObject,
  state: GatewayState | undefined,
): ObjectStatusReport {
  const generation = generationOf(stored)
  if (state === undefined) {
    const message = 'its GatewayClass is not one that this gateway serves'
    return { ...base, conditions: [waiting('Accepted', message, generation)] }
  }
  const own = state.listeners.filter((listener) => listener.owner === `Gateway ${state.key}`)
  const conditions = [
    ...ownerConditions(state.unaccepted, state.listeners, own, generation),
    ...referenceConditions(state, own, generation),
  ]
  const validation = state.object.spec.tls?.frontend
  const modes = [
    validation?.default.validation?.mode,
    ...(validation?.perPort ?? []).map((one) => one.tls.validation?.mode),
  ]
  if (modes.includes('AllowInsecureFallback')) {
    const type = 'InsecureFrontendValidationMode'
    const message = 'clients without a valid certificate are let in'
    conditions.push(condition(type, true, 'ConfigurationChanged', message, generation))
  }
  const addresses = state.listeners
    .filter((listener) => listener.programmed)
    .map((listener) => listener.address?.address ?? '')
  return {
    ...base,
    conditions,
    listeners: own.map((listener) => listenerStatus(listener, generation)),
    addresses: [...new Set(addresses)],
  }
}

function waiting(type: string, message: string, generation: number): Condition {
  return { type, status: 'Unknown', reason: 'Pending', message, observedGeneration: generation }
}

/** Accepted and Programmed of a Gateway or ListenerSet, of which `own` are the listeners. */
function ownerConditions(
  fault: Fault | undefined,
  serving: readonly ListenerState[],
  own: readonly ListenerState[],
  generation: number,
  unprogrammed = 'Invalid',
): Condition[] {
  if (fault !== undefined) {
    return [
      condition('Accepted', false, fault.reason, fault.message, generation),
      condition('Programmed', false, unprogrammed, fault.message, generation),
    ]
  }
  const wrong = own.filter((listener) => acceptFault(listener) !== undefined)
  const names = wrong.map((listener) => listener.spec.name).join(', ')
  const notValid = `listeners that are not valid: ${names}`
  if (wrong.length === own.length) {
    return [
      condition('Accepted', false, 'ListenersNotValid', notValid, generation),
      condition('Programmed', false, unprogrammed, notValid, generation),
    ]
  }
  const accepted =
    wrong.length === 0
      ? condition('Accepted', true, 'Accepted', 'it is valid', generation)
      : condition('Accepted', true, 'ListenersNotValid', notValid, generation)
  const programmed = serving.some((listener) => listener.programmed)
    ? condition('Programmed', true, 'Programmed', 'it serves', generation)
    : condition('Programmed', false, unprogrammed, 'none of its listeners can serve', generation)
  return [accepted, programmed]
}

function referenceConditions(
  state: GatewayState,
  own: readonly ListenerState[],
  generation: number,
): Condition[] {
  const fault = state.clientCertificateFault
  if (fault !== undefined) {
    return [condition('ResolvedRefs', false, fault.reason, fault.message, generation)]
  }
  const wrong = own.filter((listener) => listener.unresolved !== undefined)
  if (wrong.length > 0) {
    const names = wrong.map((listener) => listener.spec.name).join(', ')
    const message = `listeners with references that do not resolve: ${names}`
    return [condition('ResolvedRefs', false, 'ListenersNotResolved', message, generation)]
  }
  return [condition('ResolvedRefs', true, 'ResolvedRefs', 'all references resolve', generation)]
}

function setReport(
  base: ObjectStatusReport,
  stored: StoredObject,
  gateways: ReadonlyMap<string, GatewayState>,
): ObjectStatusReport {
  const set = stored.object as ListenerSetObject
  const generation = generationOf(stored)
  const namespace = set.spec.parentRef.namespace ?? set.metadata.namespace ?? 'default'
  const parent = `${namespace}/${set.spec.parentRef.name}`
  const gateway = gateways.get(parent)
  if (gateway === undefined) {
    const message = `there is no Gateway ${parent} that is served`
    return {
      ...base,
      conditions: [
        condition('Accepted', false, 'ParentNotAccepted', message, generation),
        condition('Programmed', false, 'ParentNotProgrammed', message, generation),
      ],
    }
  }
  const refused = gateway.sets.get(stored.key)
  if (refused !== undefined) {
    return {
      ...base,
      conditions: ['Accepted', 'Programmed'].map((type) =>
        condition(type, false, refused.reason, refused.message, generation),
      ),
    }
  }
  const own = gateway.listeners.filter((one) => one.owner === `ListenerSet ${stored.key}`)
  // A set names the same reason in both (listenerset_types.go, ListenerSetReasonListenersNotValid).
  const reason = 'ListenersNotValid'
  const conditions = ownerConditions(gateway.unaccepted, own, own, generation, reason)
  return {
    ...base,
    conditions,
    listeners: own.map((listener) => listenerStatus(listener, generation)),
  }
}

function classReport(
  base: ObjectStatusReport,
  stored: StoredObject,
  controllerName: string | undefined,
): ObjectStatusReport {
  const { spec } = stored.object as GatewayClassObject
  const generation = generationOf(stored)
  if (controllerName !== undefined && spec.controllerName !== controllerName) {
    const message = `it belongs to the controller ${spec.controllerName}`
    return { ...base, conditions: [waiting('Accepted', message, generation)] }
  }
  const parameters = (spec as { readonly parametersRef?: unknown }).parametersRef
  const accepted = isFields(parameters)
    ? condition('Accepted', false, 'InvalidParameters', 'parameters are not served', generation)
    : condition('Accepted', true, 'Accepted', 'Gateways of this class are served', generation)
  return { ...base, conditions: [accepted] }
}

function routeReport(
  base: ObjectStatusReport,
  configuration: Configuration,
  state: RouteState | undefined,
  controllerName: string,
): ObjectStatusReport {
  if (state === undefined) return base
  const generation = state.object.metadata.generation ?? 1
  const [fault] = backendFaults(state.object, configuration.store, configuration.backends)
  const broken = state.plans.filter((plan) => plan.broken?.startsWith('its filter') === true)
  const parents = state.parents.map((parent): ParentStatus => {
    const { ref } = parent
    const conditions = [
      unless('Accepted', parent.fault, 'Accepted', 'the route is attached', generation),
      unless('ResolvedRefs', fault, 'ResolvedRefs', 'all references resolve', generation),
    ]
    if (broken.length > 0) {
      const message = `rules that are answered 500: ${broken.map((plan) => `${plan.ruleIndex} (${plan.broken})`).join(', ')}`
      conditions.push(condition('PartiallyInvalid', true, 'UnsupportedValue', message, generation))
    }
    return {
      ref: { ...ref, group: ref.group ?? gatewayGroup, kind: ref.kind ?? 'Gateway' },
      controllerName,
      conditions,
    }
  })
  const warnings: Problem[] = routeWarnings(configuration, state)
  return { ...base, warnings, parents }
}
