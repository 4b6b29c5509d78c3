// The documents of the admin API as the console reads them (docs/admin-api.md).

export interface PictureNode {
  readonly id: string
  readonly kind: string
  readonly label: string
  readonly state: 'ok' | 'warn' | 'down'
  readonly facts: Readonly<Record<string, string | number>>
}

export interface PictureEdge {
  readonly from: string
  readonly to: string
  readonly rps: number
  readonly errorRatio: number
  readonly p99Ms: number | null
  readonly breaker?: string
}

export interface Overview {
  readonly version: string
  readonly startedAt: string
  readonly uptimeMs: number
  readonly rev: number
  readonly health: {
    readonly state: 'ok' | 'degraded' | 'down'
    readonly reasons: readonly { readonly code: string; readonly text: string }[]
  }
  readonly nodes: readonly PictureNode[]
  readonly edges: readonly PictureEdge[]
  readonly totals: {
    readonly ordersPerMinute: number
    readonly confirmed: number
    readonly cancelled: number
    readonly pending: number
    readonly stuck: number
  }
  readonly recent: readonly {
    readonly at: number
    readonly kind: string
    readonly text: string
    readonly ref?: string
  }[]
}

export interface Money {
  readonly amount: number
  readonly currency: string
}

export interface OrderRow {
  readonly id: string
  readonly customer: string | null
  readonly country: string
  readonly state: string
  readonly total: Money
  readonly placedAt: string
}

export interface Orders {
  readonly rev: number
  readonly items: readonly OrderRow[]
}

export interface SagaStep {
  readonly name: string
  readonly direction: 'action' | 'compensate'
  readonly state: string
  readonly attempts: number
  readonly error?: string | null
}

export interface FollowedOrder {
  readonly order: {
    readonly id: string
    readonly state: string
    readonly total: Money
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
  readonly route: {
    readonly route: string
    readonly upstream: string
    readonly status: number
    readonly ms: number
    readonly requestId: string
  } | null
  readonly saga: {
    readonly id: string
    readonly state: string
    readonly steps: readonly SagaStep[]
  } | null
  readonly events: readonly {
    readonly position: number
    readonly version: number
    readonly type: string
    readonly at: number
    readonly data: unknown
  }[]
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
  readonly timeline: readonly {
    readonly at: number
    readonly system: string
    readonly title: string
    readonly state: 'ok' | 'warn' | 'error'
    readonly detail?: string
  }[]
}

/** Thrown when the platform refuses; carries the problem document's words. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number

  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(path, signal === undefined ? {} : { signal })
  const body = (await response.json()) as { readonly data?: T; readonly detail?: string }
  if (!response.ok || body.data === undefined) {
    throw new ApiError(response.status, body.detail ?? response.statusText)
  }
  return body.data
}
