import { type Clock, createHistogram, realClock } from '@tidemill/core'
import type { ReplayItem } from '../retail/plan.ts'
import { createDemoClient, type DemoClient, refused } from './client.ts'

export interface ReplayProgress {
  /** Items that were answered. */
  readonly sent: number
  readonly orders: number
  readonly cancellations: number
  readonly seconds: number
}

export interface ReplayOptions {
  /** Where the shop's API is, for example the gateway. */
  readonly baseUrl: string
  readonly items: Iterable<ReplayItem>
  /** Orders and cancellations a second; `'max'` sends as fast as they are answered. Default 'max'. */
  readonly rate?: number | 'max'
  /** Requests under way at once; default 32. */
  readonly concurrency?: number
  /** Hears of it at most four times a second. */
  readonly onProgress?: (progress: ReplayProgress) => void
  /** Hears of each order as soon as it is acknowledged. */
  readonly onAcknowledged?: (orderId: string) => void
  /** Stops sending; what is under way is still answered. */
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

export interface ReplayResult {
  /** Orders that were acknowledged. */
  readonly orders: number
  /** Cancellation invoices whose every part was acknowledged. */
  readonly cancellations: number
  /** Parts of cancellations that came to an order that was cancelled already. */
  readonly lapsed: number
  readonly seconds: number
  /** Of the requests that place orders. */
  readonly latencyMs: { readonly p50: number; readonly p99: number }
}

/** Attempts at a request that the shop cannot answer right now (429, 502, 503, 504, connection lost). */
const attempts = 8

/**
 * Sends orders and cancellations over HTTP, in order of the input with at most `concurrency` under way; a cancellation
 * waits until its orders are acknowledged. Every request has an Idempotency-Key made of its invoice, so repeats are
 * safe. Rejects with TM_SHOP_DEMO_REFUSED at an answer that the rules do not foresee.
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { rate = 'max', concurrency = 32, clock = realClock, signal } = options
  const client = createDemoClient(options.baseUrl, concurrency)
  const latency = createHistogram()
  const start = clock.monotonic()
  const elapsed = (): number => (clock.monotonic() - start) / 1000
  let orders = 0
  let cancellations = 0
  let lapsed = 0
  let reported = 0
  const placing = new Map<string, Promise<void>>()

  const place = async (item: ReplayItem & { kind: 'order' }): Promise<void> => {
    const begun = clock.monotonic()
    const headers = { 'idempotency-key': `order-${item.order.id}` }
    const answer = await sendPatiently(client, clock, 'POST', '/orders', item.order, headers)
    if (answer.status !== 202) throw refused('POST', '/orders', answer)
    latency.record(clock.monotonic() - begun)
    options.onAcknowledged?.(item.order.id)
    orders++
  }
  const cancel = async (item: ReplayItem & { kind: 'cancellation' }): Promise<void> => {
    const { id, placedAt, refunds } = item.cancellation
    for (const { orderId, lines } of refunds) {
      await placing.get(orderId)
      const path = `/orders/${encodeURIComponent(orderId)}/cancel`
      const headers = { 'idempotency-key': `${id}-${orderId}` }
      const answer = await sendPatiently(client, clock, 'POST', path, { placedAt, lines }, headers)
      if (answer.code === 'TM_SHOP_ORDER_CANCELLED') lapsed++
      else if (answer.status !== 202 && answer.status !== 200) throw refused('POST', path, answer)
    }
    cancellations++
  }
  const report = (): void => {
    const seconds = elapsed()
    if (options.onProgress === undefined || seconds - reported < 0.25) return
    reported = seconds
    options.onProgress({ sent: orders + cancellations, orders, cancellations, seconds })
  }

  const failure: { error?: unknown } = {}
  const running = new Set<Promise<void>>()
  const run = (item: ReplayItem): void => {
    const work = item.kind === 'order' ? place(item) : cancel(item)
    const over = work.then(report, (error: unknown) => {
      failure.error ??= error
    })
    const tracked = over.finally(() => {
      running.delete(tracked)
      if (item.kind === 'order') placing.delete(item.order.id)
    })
    running.add(tracked)
    if (item.kind === 'order') placing.set(item.order.id, tracked)
  }

  try {
    let index = 0
    for (const item of options.items) {
      if (rate !== 'max') await pace(clock, start + (index++ * 1000) / rate, signal)
      while (running.size >= concurrency) await Promise.race(running)
      if ('error' in failure || isAborted(signal)) break
      run(item)
    }
    await Promise.all(running)
  } finally {
    client.close()
  }
  if ('error' in failure) throw failure.error
  return {
    orders,
    cancellations,
    lapsed,
    seconds: elapsed(),
    latencyMs: { p50: latency.percentile(50), p99: latency.percentile(99) },
  }
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true

/** Waits until a moment of the monotonic clock, or until the signal aborts. */
async function pace(clock: Clock, due: number, signal: AbortSignal | undefined): Promise<void> {
  const wait = due - clock.monotonic()
  if (wait <= 0) return
  try {
    await clock.sleep(wait, signal === undefined ? {} : { signal })
  } catch (error) {
    if (signal?.aborted !== true) throw error
  }
}

const passing: ReadonlySet<number> = new Set([429, 502, 503, 504])

async function sendPatiently(
  client: DemoClient,
  clock: Clock,
  ...call: Parameters<DemoClient['send']>
): ReturnType<DemoClient['send']> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await client.send(...call)
      if (!passing.has(answer.status) || attempt === attempts) return answer
    } catch (error) {
      if (attempt === attempts) throw error
    }
    await clock.sleep(25 * 2 ** attempt)
  }
}

export interface DemoItem {
  readonly sku: string
  readonly description: string
  readonly unitPrice: number
  readonly currency: string
  readonly available: number
}

/** What the orders sell: each item once, at its last price, with as many units as all of them take. */
export function itemsSold(items: Iterable<ReplayItem>): readonly DemoItem[] {
  const sold = new Map<string, DemoItem>()
  for (const item of items) {
    if (item.kind !== 'order') continue
    for (const { sku, description, quantity, unitPrice } of item.order.lines) {
      const before = sold.get(sku)
      sold.set(sku, {
        sku,
        description: description || before?.description || sku,
        unitPrice,
        currency: item.order.currency,
        available: (before?.available ?? 0) + quantity,
      })
    }
  }
  return [...sold.values()]
}

/** Puts items into the catalogue and the stock over HTTP. */
export async function registerItems(
  baseUrl: string,
  items: readonly DemoItem[],
  options: { readonly concurrency?: number; readonly clock?: Clock } = {},
): Promise<void> {
  const { concurrency = 64, clock = realClock } = options
  const client = createDemoClient(baseUrl, concurrency)
  const queue = items.values()
  const work = async (): Promise<void> => {
    for (const { sku, ...body } of queue) {
      const path = `/catalogue/${encodeURIComponent(sku)}`
      const answer = await sendPatiently(client, clock, 'PUT', path, body)
      if (answer.status !== 200 && answer.status !== 201) throw refused('PUT', path, answer)
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, work))
  } finally {
    client.close()
  }
}
