import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { crc32 } from '@tidemill/core'
import type { StoredEvent } from '@tidemill/events'
import type { Database } from '@tidemill/sql'
import { asOrderEvent, foldOrder, type OrderFold } from './order/order-event.ts'
import { revenueChange } from './order/order-projections.ts'
import type { OrderService } from './order/order-service.ts'
import type { PaymentService } from './payment/payment-service.ts'
import type { Provider } from './provider/provider.ts'
import type { StockService } from './stock/stock-service.ts'

/** Something that must hold of the whole shop once nothing is under way. */
export interface Invariant {
  readonly name: string
  readonly holds: boolean
  readonly detail: string
}

export interface InvariantSources {
  readonly orders: OrderService
  readonly payment: PaymentService
  readonly stock: StockService
  readonly provider: Provider
}

/**
 * Checks the books of all services against each other and against a fresh fold of the events. Meant for a shop at
 * rest: while orders are under way, amounts differ for a moment.
 */
export async function checkInvariants(sources: InvariantSources): Promise<readonly Invariant[]> {
  const { orders, payment, stock, provider } = sources
  const fold = await foldAll(orders)
  return [
    await sagasEnded(orders),
    await outboxDrained(orders),
    await positionsWithoutGaps(orders),
    await readModelsEqualFold(orders, fold),
    await moneyConserved(fold, payment, provider),
    await stockConserved(fold, stock),
    await effectsOnce(fold, payment, stock),
  ]
}

function invariant(name: string, faults: readonly string[], good: string): Invariant {
  const more = faults.length > 3 ? ` and ${faults.length - 3} more` : ''
  const detail = faults.length === 0 ? good : `${faults.slice(0, 3).join('; ')}${more}`
  return { name, holds: faults.length === 0, detail }
}

/** What the events say, without the lines, which only their checksum stands for. */
interface Folded {
  readonly orders: ReadonlyMap<string, FoldedOrder>
  readonly revenue: ReadonlyMap<string, readonly number[]>
  readonly faults: readonly string[]
}

interface FoldedOrder extends Omit<OrderFold, 'lines'> {
  readonly linesSum: number
  readonly position: number
  readonly placedAt: string
  /** Units that left for good: confirmed minus given back. */
  units: number
}

async function foldAll({ events }: OrderService): Promise<Folded> {
  const orders = new Map<string, FoldedOrder>()
  const revenue = new Map<string, number[]>()
  const faults: string[] = []
  for (let after = 0; ; ) {
    const page = await events.readAll({ after, limit: 1000, prefix: 'order-' })
    for (const event of page) {
      foldOne(event, orders, faults)
      const change = revenueChange(event)
      if (change === undefined) continue
      const key = `${change.day} ${change.country} ${change.currency}`
      const sum = revenue.get(key) ?? [0, 0, 0, 0]
      const added = [change.orders, change.units, change.sold, change.refunded]
      revenue.set(
        key,
        sum.map((value, i) => value + (added[i] ?? 0)),
      )
    }
    const last = page.at(-1)
    if (last === undefined) break
    after = last.position
  }
  return { orders, revenue, faults }
}

function foldOne(event: StoredEvent, orders: Map<string, FoldedOrder>, faults: string[]): void {
  const id = event.stream.slice('order-'.length)
  const typed = asOrderEvent(event)
  const before = orders.get(id)
  if ((typed.type === 'OrderPlaced') !== (before === undefined)) {
    faults.push(`order ${id} has ${typed.type} at version ${event.version}`)
    return
  }
  if (typed.type === 'OrderConfirmed' && before?.confirmed === true) {
    faults.push(`order ${id} was confirmed twice`)
  }
  const next = foldOrder(before === undefined ? undefined : { ...before, lines: [] }, typed)
  if (next === undefined) return
  const { lines, ...rest } = next
  if (typed.type === 'OrderPlaced') {
    orders.set(id, {
      ...rest,
      linesSum: checksum(JSON.stringify(lines)),
      position: event.position,
      placedAt: typed.data.placedAt,
      units: 0,
    })
    return
  }
  if (before === undefined) return
  let { units } = before
  if (typed.type === 'OrderConfirmed') units += typed.data.units
  if (typed.type === 'OrderRefunded') {
    units -= typed.data.units.reduce((sum, [, quantity]) => sum + quantity, 0)
  }
  const { linesSum, position, placedAt } = before
  orders.set(id, { ...rest, linesSum, position, placedAt, units })
}

const checksum = (text: string): number => crc32(Buffer.from(text))

async function sagasEnded({ database, sagas }: OrderService): Promise<Invariant> {
  const refunds = await database.query<{ id: string; state: string }>(
    `SELECT id, state FROM shop_refund WHERE state IN ('waiting', 'running') LIMIT 10`,
  )
  const faults = refunds.map(({ id, state }) => `refund ${id} is ${state}`)
  for (const state of ['running', 'compensating', 'stuck'] as const) {
    for (const saga of await sagas.list({ state, limit: 10 })) {
      faults.push(`${saga.type} ${saga.bizKey} is ${state}`)
    }
  }
  return invariant(
    'all sagas ended',
    faults,
    'none is running, compensating or stuck, and no refund waits',
  )
}

async function outboxDrained({ sagas }: OrderService): Promise<Invariant> {
  const { pendingMessages, deadLetters } = await sagas.counts()
  const faults =
    pendingMessages + deadLetters === 0
      ? []
      : [`${pendingMessages} messages wait, ${deadLetters} are dead`]
  return invariant('outbox drained', faults, 'no message waits')
}

async function positionsWithoutGaps({ events }: OrderService): Promise<Invariant> {
  const report = await events.verify()
  const faults = report.problems.map((problem) => `${problem.position}: ${problem.message}`)
  return invariant('event positions without gaps', faults, `1 to ${await events.head()}`)
}

async function readModelsEqualFold({ database }: OrderService, fold: Folded): Promise<Invariant> {
  const faults = [...fold.faults]
  const pages = await comparePages(database, fold, faults)
  const history = await compareHistory(database, fold, faults)
  const days = await compareRevenue(database, fold, faults)
  const good = `${pages} order pages, ${history} rows of customer history, ${days} rows of revenue`
  return invariant('every read model equals a fresh fold of the events', faults, good)
}

/** Rows of a query in pages by its first column `id`. */
async function* paged<R extends { readonly id: string }>(
  database: Database,
  sql: string,
): AsyncGenerator<R> {
  for (let after = ''; ; ) {
    const rows = await database.query<R>(sql, after)
    yield* rows
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

interface PageRow {
  readonly id: string
  readonly state: string
  readonly facts: string
  readonly amounts: string
  readonly lines: string
  readonly claimed: string
}

async function comparePages(database: Database, fold: Folded, faults: string[]): Promise<number> {
  let count = 0
  const rows = paged<PageRow>(
    database,
    `SELECT id, state, customer || '|' || country || '|' || currency || '|' || day AS facts,
        confirmed || '|' || total || '|' || refunded AS amounts, lines, claimed
      FROM shop_order WHERE id > ? ORDER BY id LIMIT 50`,
  )
  // Few at a time: the lines of an order may have a megabyte, and a result has a limit.
  for await (const row of rows) {
    count++
    const is = fold.orders.get(row.id)
    const equal =
      is !== undefined &&
      is.state === row.state &&
      `${is.customer}|${is.country}|${is.currency}|${is.day}` === row.facts &&
      `${is.confirmed ? 1 : 0}|${is.total}|${is.refunded}` === row.amounts &&
      is.linesSum === checksum(row.lines) &&
      JSON.stringify(is.claimed) === row.claimed
    if (!equal) faults.push(`order page ${row.id} differs`)
  }
  if (count !== fold.orders.size) faults.push(`${count} pages for ${fold.orders.size} orders`)
  return count
}

interface HistoryRow {
  readonly id: string
  readonly row: string
}

async function compareHistory(database: Database, fold: Folded, faults: string[]): Promise<number> {
  let count = 0
  const rows = paged<HistoryRow>(
    database,
    `SELECT id, customer || '|' || position || '|' || country || '|' || currency || '|' || state || '|' || total
        || '|' || refunded || '|' || placed_at AS row
      FROM customer_order WHERE id > ? ORDER BY id LIMIT 2000`,
  )
  for await (const { id, row } of rows) {
    count++
    const is = fold.orders.get(id)
    const wanted =
      is === undefined
        ? ''
        : `${is.customer}|${is.position}|${is.country}|${is.currency}|${is.state}|${is.total}|${is.refunded}|${is.placedAt}`
    if (row !== wanted) faults.push(`history of ${id} differs`)
  }
  if (count !== fold.orders.size)
    faults.push(`${count} history rows for ${fold.orders.size} orders`)
  return count
}

interface RevenueRow {
  readonly key: string
  readonly orders: number
  readonly units: number
  readonly sold: number
  readonly refunded: number
}

async function compareRevenue(database: Database, fold: Folded, faults: string[]): Promise<number> {
  const rows = await database.query<RevenueRow>(
    `SELECT day || ' ' || country || ' ' || currency AS key, orders, units, sold, refunded FROM revenue_day`,
  )
  for (const { key, orders, units, sold, refunded } of rows) {
    const row = [orders, units, sold, refunded].join('|')
    if (fold.revenue.get(key)?.join('|') !== row) faults.push(`revenue of ${key} differs`)
  }
  if (rows.length !== fold.revenue.size) {
    faults.push(`${rows.length} revenue rows for ${fold.revenue.size}`)
  }
  return rows.length
}

type Sums = Map<string, number>

function add(sums: Sums, currency: string, amount: number): void {
  sums.set(currency, (sums.get(currency) ?? 0) + amount)
}

const textOf = (sums: Sums): string =>
  [...sums]
    .filter(([, amount]) => amount !== 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, amount]) => `${amount} ${currency}`)
    .join(', ') || 'nothing'

async function moneyConserved(
  fold: Folded,
  { database }: PaymentService,
  provider: Provider,
): Promise<Invariant> {
  const kept: Sums = new Map()
  for (const { confirmed, currency, total, refunded } of fold.orders.values()) {
    if (confirmed) add(kept, currency, total - refunded)
  }
  const ledger: Sums = new Map()
  const booked = await database.query<{ currency: string; amount: number; entries: number }>(
    `SELECT currency, sum(CASE kind WHEN 'charge' THEN amount ELSE -amount END) AS amount,
      count(*) AS entries FROM payment GROUP BY currency`,
  )
  for (const { currency, amount } of booked) add(ledger, currency, amount)
  const bill: Sums = new Map()
  const billed = await sumBills(provider, bill)
  const faults: string[] = []
  const entries = booked.reduce((sum, row) => sum + row.entries, 0)
  if (textOf(kept) !== textOf(ledger)) {
    faults.push(`orders keep ${textOf(kept)}, the ledger has ${textOf(ledger)}`)
  }
  if (textOf(bill) !== textOf(ledger)) {
    faults.push(`the bill says ${textOf(bill)}, the ledger has ${textOf(ledger)}`)
  }
  if (billed !== entries) faults.push(`the bill has ${billed} entries, the ledger ${entries}`)
  const good = `charged minus refunded = confirmed minus refunds = the provider's bill = ${textOf(kept)}`
  return invariant('money conserved', faults, good)
}

/** Sums the bill files line by line and gives the number of their entries. */
async function sumBills(provider: Provider, sums: Sums): Promise<number> {
  let count = 0
  for (const { path } of await provider.bills()) {
    let header = true
    for await (const line of createInterface({ input: createReadStream(path) })) {
      if (!header) {
        const [, , kind, amount = '', currency = ''] = line.split(',')
        add(sums, currency, kind === 'charge' ? Number(amount) : -Number(amount))
        count++
      }
      header = false
    }
  }
  return count
}

async function stockConserved(fold: Folded, { database }: StockService): Promise<Invariant> {
  const wrong = await database.query<{ sku: string; available: number; total: number }>(
    `SELECT i.sku AS sku, i.available AS available, coalesce(t.total, 0) AS total
      FROM stock_item i LEFT JOIN (
        SELECT sku, sum(units) AS total FROM (
          SELECT sku, delta AS units FROM stock_count
          UNION ALL SELECT sku, quantity AS units FROM stock_move
        ) AS changes GROUP BY sku
      ) AS t ON t.sku = i.sku
      WHERE i.available <> coalesce(t.total, 0) LIMIT 10`,
  )
  const [sum] = await database.query<{ moved: number | null; items: number }>(
    `SELECT (SELECT sum(quantity) FROM stock_move) AS moved, (SELECT count(*) FROM stock_item) AS items`,
  )
  const faults = wrong.map(
    ({ sku, available, total }) => `${sku} has ${available}, its moves come to ${total}`,
  )
  const sold = fold.orders.values().reduce((units, order) => units + order.units, 0)
  const moved = -(sum?.moved ?? 0)
  if (moved !== sold) faults.push(`${moved} units left the stock, ${sold} were sold and kept`)
  const good = `${sum?.items ?? 0} items, ${sold} units sold and not given back`
  return invariant('stock conserved', faults, good)
}

interface OrderSum {
  readonly id: string
  readonly amount: number
}

/** Per order: the money and the units that moved are exactly those of its state, so nothing happened twice. */
async function effectsOnce(
  fold: Folded,
  payment: PaymentService,
  stock: StockService,
): Promise<Invariant> {
  const faults: string[] = []
  const seen = { money: 0, units: 0 }
  const money = paged<OrderSum>(
    payment.database,
    `SELECT order_id AS id, sum(CASE kind WHEN 'charge' THEN amount ELSE -amount END) AS amount
      FROM payment WHERE order_id > ? GROUP BY order_id ORDER BY order_id LIMIT 2000`,
  )
  for await (const { id, amount } of money) {
    const order = fold.orders.get(id)
    const wanted = order?.confirmed === true ? order.total - order.refunded : 0
    if (amount !== 0 || wanted !== 0) seen.money++
    if (amount !== wanted) faults.push(`order ${id} paid ${amount}, not ${wanted}`)
  }
  const units = paged<OrderSum>(
    stock.database,
    `SELECT order_id AS id, -sum(quantity) AS amount
      FROM stock_move WHERE order_id > ? GROUP BY order_id ORDER BY order_id LIMIT 2000`,
  )
  for await (const { id, amount } of units) {
    const wanted = fold.orders.get(id)?.units ?? 0
    if (amount !== 0 || wanted !== 0) seen.units++
    if (amount !== wanted) faults.push(`order ${id} took ${amount} units, not ${wanted}`)
  }
  let paid = 0
  let taken = 0
  for (const order of fold.orders.values()) {
    if (order.confirmed && order.total !== order.refunded) paid++
    if (order.units !== 0) taken++
  }
  if (seen.money < paid) faults.push(`${paid - seen.money} confirmed orders were never charged`)
  if (seen.units < taken) faults.push(`${taken - seen.units} confirmed orders never left the stock`)
  const [twice] = await payment.database.query<{ count: number }>(
    `SELECT count(*) AS count FROM (
      SELECT saga_id FROM payment GROUP BY saga_id, kind HAVING count(*) > 1) AS repeated`,
  )
  if ((twice?.count ?? 0) > 0) faults.push(`${twice?.count} payments were made twice`)
  const good = `${paid} orders charged once, ${taken} taken from the stock once`
  return invariant('each effect applied at most once', faults, good)
}
