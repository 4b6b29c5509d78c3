import type { GatewayListener } from '../objects/gateway.ts'
import { gatewayGroup } from '../objects/reference.ts'
import { createRouter, type Router } from '../router/index.ts'
import type { RulePlan } from '../rule-plan.ts'
import type {
  ListenerPlan,
  ListenerSettings,
  StreamPlan,
  TlsPlan,
} from '../listener/listener-plan.ts'
import type { SocketAddress } from './configuration-options.ts'

export const routeKinds = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'] as const
export type RouteKind = (typeof routeKinds)[number]

export type ListenerProtocol = ListenerPlan['protocol']

/** Routes that a protocol carries; a TLS listener that terminates carries bytes of TCPRoutes too. */
export function kindsOf(protocol: string, mode: string | undefined): readonly RouteKind[] {
  if (protocol === 'HTTP' || protocol === 'HTTPS') return ['HTTPRoute', 'GRPCRoute']
  if (protocol === 'TLS') return mode === 'Terminate' ? ['TLSRoute', 'TCPRoute'] : ['TLSRoute']
  if (protocol === 'TCP') return ['TCPRoute']
  return protocol === 'UDP' ? ['UDPRoute'] : []
}

/** Why something of a listener is not as it should be. */
export interface Fault {
  readonly reason: string
  readonly message: string
}

/** A stream route at a listener. */
export interface AttachedStream {
  readonly plan: StreamPlan
  readonly createdAt: number
}

/**
 * One listener of a Gateway or ListenerSet with what is attached to it. It lives as long as a listener of
 * that name and protocol, so requests find the same router while the listener's other settings change.
 */
export class ListenerState {
  /** `namespace/name` of the Gateway that serves it. */
  readonly gateway: string
  /** `Gateway ns/name` or `ListenerSet ns/name`: the object it stands in. */
  readonly owner: string
  /** Namespace of that object. */
  readonly namespace: string
  readonly router: Router<RulePlan> = createRouter<RulePlan>()
  /** Ids of the routes that the standard counts as attached. */
  readonly attached: Set<string> = new Set()
  readonly streams: Map<string, AttachedStream> = new Map()
  spec: GatewayListener
  hostname = ''
  supportedKinds: readonly RouteKind[] = []
  settings: ListenerSettings
  admits: ListenerPlan['admits']
  tls: TlsPlan | undefined
  /** DNS names of its certificates. */
  certificateNames: readonly string[] = []
  /** Two listeners cannot be told apart. */
  conflict: Fault | undefined
  /** Its protocol, port or client authorities cannot be served. */
  unaccepted: Fault | undefined
  /** A reference leads nowhere. */
  unresolved: Fault | undefined
  /** Accepted, but it cannot serve: no certificate. */
  unprogrammed: Fault | undefined
  /** A listener of the same port answers for some of its names with another certificate. */
  overlapping: Fault | undefined
  address: SocketAddress | undefined
  /** A listener of another Gateway was there first at the same address. */
  unplaced: Fault | undefined
  #plan: ListenerPlan | undefined

  constructor(
    gateway: string,
    owner: string,
    namespace: string,
    spec: GatewayListener,
    settings: ListenerSettings,
  ) {
    this.gateway = gateway
    this.owner = owner
    this.namespace = namespace
    this.spec = spec
    this.settings = settings
  }

  /** Whether routes are attached to it at all. */
  get usable(): boolean {
    return this.conflict === undefined && this.unaccepted?.reason !== 'UnsupportedProtocol'
  }

  /** Whether it serves. */
  get programmed(): boolean {
    return (
      this.conflict === undefined &&
      this.unaccepted === undefined &&
      this.unprogrammed === undefined &&
      this.unplaced === undefined &&
      this.address !== undefined
    )
  }

  /** The plan for the listening side; the same object until something in it changes. */
  plan(): ListenerPlan {
    return (this.#plan ??= {
      gateway: this.gateway,
      name: this.spec.name,
      protocol: this.spec.protocol as ListenerProtocol,
      port: this.spec.port,
      hostname: this.hostname,
      tls: this.tls,
      router: this.router,
      streams: [...this.streams.entries()]
        .toSorted(([a, x], [b, y]) => x.createdAt - y.createdAt || (a < b ? -1 : a > b ? 1 : 0))
        .map(([, stream]) => stream.plan),
      settings: this.settings,
      admits: this.admits,
    })
  }

  /** Says that the plan must be made anew. */
  changed(): void {
    this.#plan = undefined
  }
}

/** Kinds of `allowedRoutes` that the listener serves, and whether others were asked for. */
export function supportedKinds(spec: GatewayListener): {
  readonly kinds: readonly RouteKind[]
  readonly refused: readonly string[]
} {
  const served = kindsOf(spec.protocol, spec.tls?.mode ?? 'Terminate')
  const asked = spec.allowedRoutes?.kinds
  if (asked === undefined || asked.length === 0) return { kinds: served, refused: [] }
  const isServed = (one: { readonly group?: string; readonly kind: string }): boolean =>
    (one.group ?? gatewayGroup) === gatewayGroup && served.includes(one.kind as RouteKind)
  return {
    kinds: [...new Set(asked.filter(isServed).map((one) => one.kind as RouteKind))],
    refused: asked.filter((one) => !isServed(one)).map((one) => one.kind),
  }
}
