import type { Minor } from '../money.ts'
import { createInvoiceGrouper, type Invoice } from './invoice.ts'
import { createPurchases } from './purchases.ts'
import type { RetailRow } from './row.ts'
import { invoiceKind, orderLimits, rowReason, type SkipReason } from './rules.ts'

/** The customer of every invoice that names none: one shared guest account. */
export const guestCustomer = 'guest'

/** What to send for one invoice. */
export type ReplayItem =
  | { readonly kind: 'order'; readonly order: PlannedOrder }
  | { readonly kind: 'cancellation'; readonly cancellation: PlannedCancellation }

/** The body of POST /orders. */
export interface PlannedOrder {
  readonly id: string
  readonly customer: string
  readonly country: string
  readonly currency: string
  readonly placedAt: string
  readonly lines: readonly PlannedLine[]
}

export interface PlannedLine {
  readonly sku: string
  readonly description: string
  readonly quantity: number
  readonly unitPrice: Minor
}

/** Units to give back, by the order that sold them; one POST /orders/ID/cancel for each. */
export interface PlannedCancellation {
  readonly id: string
  readonly placedAt: string
  readonly refunds: readonly {
    readonly orderId: string
    readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
  }[]
}

export type ReasonCounts = Readonly<Partial<Record<SkipReason, number>>>

/** Every invoice and every line of the input, counted once. */
export interface ReplayTally {
  readonly invoices: {
    /** orders + cancellations + skipped. */
    readonly read: number
    readonly orders: number
    readonly cancellations: number
    readonly skipped: number
    /** By the reason of the invoice's first line. */
    readonly skippedBy: ReasonCounts
  }
  readonly lines: {
    /** used + skipped. */
    readonly read: number
    readonly used: number
    readonly skipped: number
    readonly skippedBy: ReasonCounts
  }
}

/** Turns rows into what to send, by the rules of `rules.ts`, and counts what it leaves out. */
export interface ReplayPlanner {
  push(row: RetailRow): readonly ReplayItem[]
  malformed(): void
  end(): readonly ReplayItem[]
  tally(): ReplayTally
}

export interface ReplayPlannerOptions {
  /** ISO 4217 code of every price; the file has pounds. */
  readonly currency?: string
  /** How many of the latest orders a cancellation may reach back to; default 100,000. */
  readonly remember?: number
}

export function createReplayPlanner(options: ReplayPlannerOptions = {}): ReplayPlanner {
  const currency = options.currency ?? 'GBP'
  const grouper = createInvoiceGrouper()
  const purchases = createPurchases(options.remember ?? 100_000)
  const invoices = { read: 0, orders: 0, cancellations: 0, skipped: 0 }
  const lines = { read: 0, used: 0, skipped: 0 }
  const invoicesBy: Partial<Record<SkipReason, number>> = {}
  const linesBy: Partial<Record<SkipReason, number>> = {}

  const skipLine = (reason: SkipReason): void => {
    lines.skipped++
    linesBy[reason] = (linesBy[reason] ?? 0) + 1
  }
  const finish = (
    reasons: readonly (SkipReason | undefined)[],
    kind: 'orders' | 'cancellations',
  ): void => {
    invoices.read++
    for (const reason of reasons) {
      if (reason === undefined) lines.used++
      else skipLine(reason)
    }
    const first = reasons[0]
    if (first !== undefined && reasons.every((reason) => reason !== undefined)) {
      invoices.skipped++
      invoicesBy[first] = (invoicesBy[first] ?? 0) + 1
    } else {
      invoices[kind]++
    }
  }

  const planOrder = (invoice: Invoice, first: RetailRow): ReplayItem[] => {
    let reasons = invoice.rows.map((row) => rowReason(row, first))
    if (reasons.filter((reason) => reason === undefined).length > orderLimits.lines) {
      reasons = reasons.map((reason) => reason ?? 'too-many-lines')
    }
    finish(reasons, 'orders')
    const used = invoice.rows.filter((_, i) => reasons[i] === undefined)
    if (used.length === 0) return []
    for (const row of used) {
      if (row.customer !== null) {
        purchases.bought(row.customer, invoice.id, row.sku, row.quantity)
      }
    }
    const order: PlannedOrder = {
      id: invoice.id,
      customer: first.customer ?? guestCustomer,
      country: first.country,
      currency,
      placedAt: first.placedAt,
      lines: used.map(({ sku, description, quantity, unitPrice }) => ({
        sku,
        description,
        quantity,
        unitPrice: unitPrice ?? 0,
      })),
    }
    return [{ kind: 'order', order }]
  }

  const planCancellation = (invoice: Invoice, first: RetailRow): ReplayItem[] => {
    const byOrder = new Map<string, Map<string, number>>()
    const reasons = invoice.rows.map((row): SkipReason | undefined => {
      const reason = rowReason(row, first)
      if (reason !== undefined) return reason
      const returned = purchases.giveBack(row.customer ?? '', row.sku, -row.quantity)
      if (returned === undefined) return 'unmatched-cancellation'
      for (const { orderId, quantity } of returned) {
        const items = byOrder.get(orderId) ?? new Map<string, number>()
        byOrder.set(orderId, items.set(row.sku, (items.get(row.sku) ?? 0) + quantity))
      }
      return undefined
    })
    finish(reasons, 'cancellations')
    if (byOrder.size === 0) return []
    const refunds = Array.from(byOrder, ([orderId, items]) => ({
      orderId,
      lines: Array.from(items, ([sku, quantity]) => ({ sku, quantity })),
    }))
    const cancellation = { id: invoice.id, placedAt: first.placedAt, refunds }
    return [{ kind: 'cancellation', cancellation }]
  }

  const plan = (invoice: Invoice): ReplayItem[] => {
    const first = invoice.rows[0]
    if (first === undefined) return []
    return invoiceKind(invoice.id) === 'cancellation'
      ? planCancellation(invoice, first)
      : planOrder(invoice, first)
  }

  return {
    push(row) {
      lines.read++
      const { closed, late } = grouper.push(row)
      if (late) skipLine('late-row')
      return closed.flatMap(plan)
    },
    malformed() {
      lines.read++
      skipLine('malformed-row')
    },
    end: () => grouper.end().flatMap(plan),
    tally: () => ({
      invoices: { ...invoices, skippedBy: { ...invoicesBy } },
      lines: { ...lines, skippedBy: { ...linesBy } },
    }),
  }
}
