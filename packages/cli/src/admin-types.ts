// The documents of the admin API as the commands read them (docs/admin-api.md describes them).

export interface Money {
  readonly amount: number
  readonly currency: string
}

export interface OrderRow {
  readonly id: string
  readonly customer: string | null
  readonly country: string
  readonly state: string
  readonly sagaState?: string
  readonly total: Money
  readonly placedAt: string
}

export interface TimelineEntry {
  readonly at: number
  readonly system: string
  readonly title: string
  readonly state: 'ok' | 'warn' | 'error'
  readonly detail?: string
}

export interface FollowedOrder {
  readonly order: {
    readonly id: string
    readonly state: string
    readonly total: Money
    readonly lines: readonly unknown[]
  }
  readonly route: {
    readonly route: string
    readonly upstream: string
    readonly status: number
    readonly ms: number
    readonly requestId: string
  } | null
  readonly saga: SagaView | null
  readonly events: readonly EventRow[]
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

export interface SagaView {
  readonly id: string
  readonly type?: string
  readonly bizKey?: string
  readonly state: string
  readonly createdAt?: number
  readonly steps: readonly {
    readonly name: string
    readonly direction?: string
    readonly state: string
    readonly attempts: number
    readonly error?: string | null
  }[]
}

export interface EventRow {
  readonly position: number
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly at: number
  readonly data: unknown
}

export interface KvRow {
  readonly key: string
  readonly value: string
  readonly version: number
  readonly modRevision: number
}

export interface Overview {
  readonly version: string
  readonly startedAt: string
  readonly uptimeMs: number
  readonly health: {
    readonly state: 'ok' | 'degraded' | 'down'
    readonly reasons: readonly { readonly code: string; readonly text: string }[]
  }
  readonly nodes: readonly {
    readonly id: string
    readonly kind: string
    readonly label: string
    readonly state: 'ok' | 'warn' | 'down'
    readonly facts: Readonly<Record<string, string | number>>
  }[]
  readonly edges: readonly {
    readonly from: string
    readonly to: string
    readonly rps: number
    readonly errorRatio: number
    readonly p99Ms: number | null
    readonly breaker?: string
  }[]
  readonly totals: {
    readonly ordersPerMinute: number
    readonly confirmed: number
    readonly cancelled: number
    readonly pending: number
    readonly stuck: number
  }
}

export interface RouteRow {
  readonly name: string
  readonly hostnames: readonly string[]
  readonly matches: readonly string[]
  readonly backends: readonly string[]
  readonly accepted: boolean
  readonly problems: readonly { readonly path: string; readonly message: string }[]
  readonly breaker: string | null
}
