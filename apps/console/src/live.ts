import { signal } from '@preact/signals'
import type { OrdersDocument, Overview } from '@tidemill/platform/documents'

/** The newest state the platform sent, and since when it has been silent. */
export const overview = signal<Overview | undefined>(undefined)
export const orders = signal<OrdersDocument | undefined>(undefined)
/** Time of the break in milliseconds; undefined while the stream flows. */
export const staleSince = signal<number | undefined>(undefined)
/** OrdersDocument per minute of the last minutes, oldest first, for the small chart. */
export const rateHistory = signal<readonly number[]>([])

const historyLength = 120

/** One stream for the tab; the browser reconnects by itself. Returns the way to stop. */
export function connect(): () => void {
  const source = new EventSource('/api/v1/stream')
  let lastSample = 0
  source.addEventListener('overview', (event) => {
    const next = JSON.parse(event.data as string) as Overview
    overview.value = next
    staleSince.value = undefined
    if (next.uptimeMs - lastSample >= 900 || next.uptimeMs < lastSample) {
      lastSample = next.uptimeMs
      rateHistory.value = [...rateHistory.value, next.totals.ordersPerMinute].slice(-historyLength)
    }
  })
  source.addEventListener('orders', (event) => {
    orders.value = JSON.parse(event.data as string) as OrdersDocument
  })
  source.addEventListener('open', () => {
    staleSince.value = undefined
  })
  source.addEventListener('error', () => {
    staleSince.value ??= Date.now()
  })
  return () => source.close()
}
