import type { GatewayListener, GatewayObject, ListenerSetObject } from '../objects/gateway.ts'
import { coreGroup } from './reference-grants.ts'
import type { KeyPair } from './certificates.ts'
import type { Fault, ListenerState } from './listener-state.ts'

/** A Gateway with its listeners, those of its ListenerSets included. */
export interface GatewayState {
  readonly key: string
  readonly object: GatewayObject
  readonly listeners: readonly ListenerState[]
  /** ListenerSets that name this Gateway, and why those that may not join it cannot. */
  readonly sets: ReadonlyMap<string, Fault | undefined>
  /** Certificate towards backends; its name marks clusters of this Gateway alone. */
  readonly clientCertificate: KeyPair | undefined
  readonly clientCertificateFault: Fault | undefined
  /** Why it is not accepted at all. */
  readonly unaccepted: Fault | undefined
  /** Keys `kind namespace/name` of what it refers to; a change of one compiles it anew. */
  readonly references: ReadonlySet<string>
  /** Everything by which routes find their listeners; while it stays, they need not be attached anew. */
  readonly signature: string
}

/** Everything of the listeners that decides where routes attach. */
export function signatureOf(listeners: readonly ListenerState[]): string {
  return JSON.stringify(
    listeners.map((state) => [
      state.owner,
      state.spec.name,
      state.spec.port,
      state.spec.protocol,
      state.hostname,
      state.spec.allowedRoutes,
      state.usable,
    ]),
  )
}

/** What a Gateway and its ListenerSets refer to. */
export function referencesOf(
  gateway: GatewayObject,
  sets: readonly ListenerSetObject[],
): Set<string> {
  const keys = new Set<string>()
  const own = gateway.metadata.namespace ?? 'default'
  const add = (
    kind: string,
    namespace: string,
    ref: { readonly name: string; readonly namespace?: string },
  ): void => {
    const target = ref.namespace ?? namespace
    keys.add(`${kind} ${target}/${ref.name}`)
    if (target !== namespace) keys.add(`ReferenceGrant ${target}`)
  }
  const listeners = (list: readonly GatewayListener[], namespace: string): void => {
    for (const listener of list) {
      for (const ref of listener.tls?.certificateRefs ?? []) {
        if (coreGroup(ref.group) === '') add(ref.kind ?? 'Secret', namespace, ref)
      }
    }
  }
  listeners(gateway.spec.listeners, own)
  for (const set of sets) listeners(set.spec.listeners, set.metadata.namespace ?? 'default')
  const { tls } = gateway.spec
  const client = tls?.backend?.clientCertificateRef
  if (client !== undefined) add(client.kind ?? 'Secret', own, client)
  const validations = [
    tls?.frontend?.default.validation,
    ...(tls?.frontend?.perPort ?? []).map((one) => one.tls.validation),
  ]
  for (const validation of validations) {
    for (const ref of validation?.caCertificateRefs ?? []) add(ref.kind, own, ref)
  }
  return keys
}
