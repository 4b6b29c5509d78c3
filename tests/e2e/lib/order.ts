import { eventually } from './tidemill.ts'

export interface OrderView {
  readonly id: string
  readonly state: 'pending' | 'confirmed' | 'cancelled' | 'stuck'
  readonly total: { readonly amount: number; readonly currency: string }
  readonly lines: readonly unknown[]
  readonly saga: {
    readonly id: string
    readonly state: string
    readonly steps: readonly {
      readonly name: string
      readonly state: string
      readonly attempts: number
    }[]
  }
  readonly events: readonly { readonly type: string }[]
}

export interface CatalogueItem {
  readonly sku: string
  readonly description: string
  readonly unitPrice: number
  readonly currency: string
  readonly available: number
}

export async function catalogue(gateway: string): Promise<readonly CatalogueItem[]> {
  const response = await fetch(`${gateway}/catalogue?limit=20`)
  return ((await response.json()) as { readonly items: readonly CatalogueItem[] }).items
}

export function orderBody(item: CatalogueItem, quantity: number, id?: string): unknown {
  return {
    ...(id === undefined ? {} : { id }),
    customer: '17733',
    country: 'United Kingdom',
    currency: item.currency,
    placedAt: '2011-11-01T08:16:00Z',
    lines: [{ sku: item.sku, description: item.description, quantity, unitPrice: item.unitPrice }],
  }
}

export function place(gateway: string, key: string, body: unknown): Promise<Response> {
  return fetch(`${gateway}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** The order once it has ended. */
export function settled(gateway: string, id: string): Promise<OrderView> {
  return eventually(`order ${id} ends`, async () => {
    const response = await fetch(`${gateway}/orders/${encodeURIComponent(id)}`)
    if (response.status !== 200) {
      await response.body?.cancel()
      return undefined
    }
    const order = (await response.json()) as OrderView
    return order.state === 'pending' ? undefined : order
  })
}
