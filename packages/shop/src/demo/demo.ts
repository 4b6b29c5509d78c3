import { type Clock, realClock } from '@tidemill/core'
import type { Invariant } from '../invariants.ts'
import type { ReplayTally } from '../retail/plan.ts'
import type { ReplayPlan } from '../retail/reader.ts'
import type { OrderOutcome, Shop } from '../shop.ts'
import {
  itemsSold,
  registerItems,
  replay,
  type ReplayProgress,
  type ReplayResult,
} from './replay.ts'

/** The `data` of a `tidemill.demo.v1` document. */
export interface DemoReport {
  readonly invoices: ReplayTally['invoices']
  readonly lines: ReplayTally['lines']
  readonly outcome: OrderOutcome
  /** By currency, in minor units: confirmed minus refunded. */
  readonly revenue: Readonly<Record<string, number>>
  /** From the first request until every order had come to its end. */
  readonly seconds: number
  readonly ordersPerSecond: number
  readonly latencyMs: { readonly p50: number; readonly p99: number }
  readonly invariants: readonly Invariant[]
}

export interface DemoOptions {
  /** Where the shop's API is, for example the gateway. */
  readonly baseUrl: string
  readonly shop: Pick<Shop, 'idle' | 'invariants' | 'outcome' | 'revenue'>
  readonly plan: ReplayPlan
  readonly rate?: number | 'max'
  readonly concurrency?: number
  readonly onProgress?: (progress: ReplayProgress) => void
  readonly onAcknowledged?: (orderId: string) => void
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

/** Replays a plan against a running shop, waits until it is at rest and checks everything. */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { shop, plan, clock = realClock, ...rest } = options
  await registerItems(options.baseUrl, itemsSold(plan.items), { clock })
  const start = clock.monotonic()
  const result = await replay({ ...rest, items: plan.items, clock })
  await shop.idle()
  const seconds = (clock.monotonic() - start) / 1000
  const ids = plan.items.flatMap((item) => (item.kind === 'order' ? [item.order.id] : []))
  const outcome = await shop.outcome(ids)
  const { invoices, lines } = plan.tally
  return {
    invoices,
    lines,
    outcome,
    revenue: await shop.revenue(),
    seconds: rounded(seconds),
    ordersPerSecond: rounded(result.orders / seconds),
    latencyMs: { p50: rounded(result.latencyMs.p50), p99: rounded(result.latencyMs.p99) },
    invariants: [everyInvoice(plan.tally, result, outcome), ...(await shop.invariants())],
  }
}

function everyInvoice(
  { invoices, lines }: ReplayTally,
  result: ReplayResult,
  outcome: OrderOutcome,
): Invariant {
  const faults: string[] = []
  const same = (what: string, is: number, wanted: number): void => {
    if (is !== wanted) faults.push(`${what}: ${is}, not ${wanted}`)
  }
  const { read, orders, cancellations, skipped } = invoices
  same('invoices read', read, orders + cancellations + skipped)
  same('lines read', lines.read, lines.used + lines.skipped)
  same('orders acknowledged', result.orders, orders)
  same('orders at their end', outcome.confirmed + outcome.compensated + outcome.stuck, orders)
  same('cancellations acknowledged', result.cancellations, cancellations)
  const good = `${read} read = ${orders} orders + ${cancellations} cancellations + ${skipped} skipped`
  const name = 'every invoice accounted for'
  return { name, holds: faults.length === 0, detail: faults.join('; ') || good }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
