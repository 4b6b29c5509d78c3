import { gatewayGroup } from '../objects/reference.ts'
import type { ParentReference } from '../router/index.ts'
import type { AnyObject, ObjectStore } from './object-store.ts'
import type { GatewayState } from './gateway-state.ts'
import { commonHostnames } from './hostname.ts'
import type { Fault, ListenerState, RouteKind } from './listener-state.ts'
import { letsIn } from './namespaces.ts'

/** A route of any kind, as far as it says where it attaches. */
export interface AttachableRoute extends AnyObject {
  readonly spec: {
    readonly parentRefs?: readonly ParentReference[]
    readonly hostnames?: readonly string[]
  }
}

/** A listener that takes a route, and the names on which it does. */
export interface Attachment {
  readonly listener: ListenerState
  readonly hostnames: readonly string[]
}

/** What became of one parentRef. */
export interface ParentResult {
  readonly ref: ParentReference
  readonly attachments: readonly Attachment[]
  /** Why it is not accepted. */
  readonly fault: Fault | undefined
  /** Generation of the parent's Gateway client certificate context, empty for none. */
  readonly gateway: GatewayState | undefined
}

/** `Gateway ns/name` or `ListenerSet ns/name` that a parentRef names; undefined for parents of other systems. */
export function parentKey(ref: ParentReference, namespace: string): string | undefined {
  const kind = ref.kind ?? 'Gateway'
  if ((ref.group ?? gatewayGroup) !== gatewayGroup) return undefined
  if (kind !== 'Gateway' && kind !== 'ListenerSet') return undefined
  return `${kind} ${ref.namespace ?? namespace}/${ref.name}`
}

/** Finds the listeners that a parentRef attaches a route to. */
export function resolveParent(
  store: ObjectStore,
  route: AttachableRoute,
  ref: ParentReference,
  owner: string,
  gateway: GatewayState | undefined,
): ParentResult {
  const fail = (reason: string, message: string): ParentResult => ({
    ref,
    attachments: [],
    fault: { reason, message },
    gateway,
  })
  if (gateway === undefined) return fail('NoMatchingParent', `there is no ${owner} that is served`)
  const own = gateway.listeners.filter((listener) => listener.owner === owner)
  const named = own.filter(
    (listener) =>
      (ref.sectionName === undefined || listener.spec.name === ref.sectionName) &&
      (ref.port === undefined || listener.spec.port === ref.port),
  )
  if (named.length === 0) {
    const section = ref.sectionName === undefined ? '' : ` named ${ref.sectionName}`
    const port = ref.port === undefined ? '' : ` at port ${ref.port}`
    return fail('NoMatchingParent', `the ${owner} has no listener${section}${port}`)
  }
  const namespace = route.metadata.namespace ?? 'default'
  const kind = route.kind as RouteKind
  const allowing = named.filter(
    (listener) =>
      listener.supportedKinds.includes(kind) &&
      letsIn(store, listener.spec.allowedRoutes?.namespaces, 'Same', listener.namespace, namespace),
  )
  if (allowing.length === 0) {
    const message = `no listener of the ${owner} takes a ${kind} of the namespace ${namespace}`
    return fail('NotAllowedByListeners', message)
  }
  const attachments: Attachment[] = []
  for (const listener of allowing) {
    if (!listener.usable) continue
    const hostnames = hasHostnames(kind)
      ? commonHostnames(listener.hostname, route.spec.hostnames)
      : ['']
    if (hostnames.length > 0) attachments.push({ listener, hostnames })
  }
  if (attachments.length === 0) {
    return allowing.some((listener) => listener.usable)
      ? fail('NoMatchingListenerHostname', `no listener of the ${owner} has a hostname in common`)
      : fail('NoMatchingParent', `no listener of the ${owner} can serve`)
  }
  return { ref, attachments, fault: undefined, gateway }
}

function hasHostnames(kind: RouteKind): boolean {
  return kind !== 'TCPRoute' && kind !== 'UDPRoute'
}
