import type { Clock, Closable, Logger, Random } from '@tidemill/core'
import type { EventStore } from '@tidemill/events'
import type { HttpRoute, RoutePolicy } from '@tidemill/gateway'
import type { Kv } from '@tidemill/kv'
import type { Sagas } from '@tidemill/saga'

/** A part of the platform that is started with it, for example the shop. */
export interface SystemModule {
  readonly name: string
  start(context: PlatformContext): Promise<RunningSystem>
}

/** What the platform gives a system to stand on. */
export interface PlatformContext {
  readonly dataDir: string
  readonly kv: Kv
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Puts a service behind the gateway: its addresses, and the HTTPRoutes that lead to it. */
  expose(exposure: Exposure): Promise<void>
}

export interface Exposure {
  /** Addresses by `namespace/service`, as backendRefs name them. */
  readonly backends: Readonly<Record<string, readonly string[]>>
  /** One that exists already under the same name is kept as the operator left it. */
  readonly routes: readonly HttpRoute[]
  readonly policies?: readonly RoutePolicy[]
}

export type NodeKind =
  | 'client'
  | 'gateway'
  | 'service'
  | 'store'
  | 'config'
  | 'saga'
  | 'provider'
  | 'projection'

export interface PictureNode {
  readonly id: string
  readonly kind: NodeKind
  readonly label: string
  readonly state: 'ok' | 'warn' | 'down'
  readonly facts: Readonly<Record<string, string | number>>
}

/** Counters of an edge since start; the platform makes rates of them. */
export interface PictureEdge {
  readonly from: string
  readonly to: string
  readonly total: number
  readonly errors: number
  readonly p99Ms: number | null
  readonly breaker?: string
}

export interface Picture {
  readonly nodes: readonly PictureNode[]
  readonly edges: readonly PictureEdge[]
}

export interface OrderTotals {
  readonly placed: number
  readonly confirmed: number
  readonly cancelled: number
  readonly pending: number
  readonly stuck: number
}

/** What the lists of orders show. */
export interface OrderLine {
  readonly id: string
  readonly state: string
  readonly [field: string]: unknown
}

/** What a system knows of one order; the platform adds the gateway's part. */
export interface FollowedOrder {
  /** x-request-id of the request that placed it, when it came through the gateway. */
  readonly requestId: string | null
  readonly view: Readonly<Record<string, unknown>>
  /** What happened, by time; the platform puts the gateway's entry in its place. */
  readonly timeline: readonly TimelineEntry[]
}

export interface TimelineEntry {
  /** Wall time in milliseconds. */
  readonly at: number
  readonly system: string
  readonly title: string
  readonly state: 'ok' | 'warn' | 'error'
  readonly detail?: string
}

/** One thing that must always be true, and whether it is. */
export interface Invariant {
  readonly name: string
  readonly holds: boolean
  readonly detail: string
}

export interface RunningSystem extends Closable {
  readonly name: string
  picture(): Promise<Picture>
  totals(): Promise<OrderTotals>
  latestOrders(limit: number): Promise<readonly OrderLine[]>
  /** One order followed across the system; undefined when there is none with that id. */
  followOrder(id: string): Promise<FollowedOrder | undefined>
  /** Event stores and saga engines that the admin API may show, by name. */
  readonly eventStores?: Readonly<Record<string, EventStore>>
  readonly sagas?: Readonly<Record<string, Sagas>>
  /** Checks that the books balance; slow on much data, meant for tests, demos and operators. */
  invariants(): Promise<readonly Invariant[]>
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>
}
