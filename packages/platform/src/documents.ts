/**
 * The documents of the admin API (docs/admin-api.md), for its clients: types alone, so that the console and the
 * command line read the very shapes that the platform writes. Times are milliseconds since 1970, amounts minor units.
 */
export type { HealthReason, Overview, OverviewEdge, RecentEntry } from './overview.ts'
export type { Invariant, PictureNode, TimelineEntry } from './system.ts'
export type { RouteView } from './gateway-view.ts'
import type { RouteView } from './gateway-view.ts'
import type { TimelineEntry } from './system.ts'

export interface MoneyDocument {
  readonly amount: number
  readonly currency: string
}

/** A row of `/api/v1/orders`. */
export interface OrderRow {
  readonly id: string
  readonly customer: string | null
  readonly country: string
  readonly state: string
  readonly sagaState?: string
  readonly total: MoneyDocument
  readonly placedAt: string
}

/** `/api/v1/orders`; `rev` is that of the overview of the same moment. */
export interface OrdersDocument {
  readonly rev: number
  readonly items: readonly OrderRow[]
}

export interface SagaStepDocument {
  readonly name: string
  readonly direction: 'action' | 'compensate'
  readonly state: string
  readonly attempts: number
  readonly error?: string | null
}

/** `/api/v1/sagas/ID`. */
export interface SagaDocument {
  readonly id: string
  readonly type?: string
  readonly bizKey?: string
  readonly state: string
  readonly createdAt?: number
  readonly steps: readonly SagaStepDocument[]
}

/** An item of `/api/v1/events` and `/api/v1/streams/STREAM`. */
export interface EventDocument {
  readonly position: number
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly at: number
  readonly data: unknown
}

/** One call from one part to another. */
export interface HopDocument {
  readonly at: number
  readonly from: string
  readonly to: string
  readonly call: string
  readonly ms: number
  /** `OK`, or the name of a gRPC status or the code of an error. */
  readonly status: string
  /** Milliseconds that were left of the deadline when it began; null for none. */
  readonly leftMs: number | null
}

/** `/api/v1/orders/ID`: one order followed across the platform. */
export interface FollowedOrderDocument {
  readonly order: {
    readonly id: string
    readonly state: string
    readonly total: MoneyDocument
    readonly customer?: string | null
    readonly country?: string
    readonly placedAt?: string
    readonly lines: readonly {
      readonly sku: string
      readonly description?: string | null
      readonly quantity: number
      readonly unitPrice: number
    }[]
  }
  readonly route: RouteView | null
  /** The calls made for it between services, providers and databases, by time; those since the last start. */
  readonly hops?: readonly HopDocument[]
  readonly saga: SagaDocument | null
  readonly events: readonly EventDocument[]
  readonly payments: readonly {
    readonly id: string
    readonly kind: string
    readonly amount: number
    readonly currency: string
    readonly state: string
    readonly at: number
  }[]
  readonly stock: readonly {
    readonly sku: string
    readonly quantity: number
    readonly direction: string
    readonly at: number
  }[]
  readonly timeline: readonly TimelineEntry[]
}

/** An item of `/api/v1/dead-letters`. */
export interface DeadLetterDocument {
  readonly id: number
  readonly sagaId: string
  readonly step: string
  readonly direction: string
  readonly to: string
  readonly attempts: number
  readonly error: string | null
}

/** `/api/v1/kv/KEY`. */
export interface KvDocument {
  readonly key: string
  readonly value: string
  readonly version: number
  readonly createRevision: number
  readonly modRevision: number
}

/** An item of `/api/v1/routes`. */
export interface RouteDocument {
  readonly name: string
  readonly hostnames: readonly string[]
  readonly matches: readonly string[]
  readonly backends: readonly string[]
  readonly accepted: boolean
  readonly problems: readonly { readonly path: string; readonly message: string }[]
  readonly breaker: string | null
}
