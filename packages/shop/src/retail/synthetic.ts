import { createSeededRandom, type Random } from '@tidemill/core'
import type { DemoItem } from '../demo/replay.ts'
import { formatHundredths } from '../money.ts'
import { createReplayPlanner, type ReplayItem } from './plan.ts'
import type { ReplayPlan } from './reader.ts'
import { formatRetailRow, retailHeader, type RetailRow } from './row.ts'

export interface SyntheticOptions {
  /** The same seed gives the same rows; default 1. */
  readonly seed?: number
  /** Number of the first invoice; default 900001. Give another for each run on the same data. */
  readonly firstInvoice?: number
  /** RFC 3339 moment of the first invoice; default 2011-11-01T08:00:00Z. Whole seconds. */
  readonly from?: string
}

interface Item {
  readonly sku: string
  readonly description: string
  readonly unitPrice: number
}

const colours = ['RED', 'WHITE', 'BLUE', 'PINK', 'GREEN', 'IVORY', 'SILVER', 'VINTAGE']
const things = [
  'HEART T-LIGHT HOLDER',
  'METAL LANTERN',
  'CHRISTMAS BUNTING',
  'TEA TOWEL SET',
  'JUMBO BAG',
  'CAKE STAND 3 TIER',
  'LUNCH BOX',
  'RECORD FRAME 7" SINGLE SIZE',
  'HOT WATER BOTTLE, KNITTED',
  'PICNIC BASKET',
]
const countries = [
  ...Array.from<string>({ length: 18 }).fill('United Kingdom'),
  'Germany',
  'France',
  'EIRE',
  'Spain',
  'Netherlands',
]
const customers = 400

/** What the synthetic shop sells: 400 items with prices from 0.19 to about 15 pounds. */
const items: readonly Item[] = Array.from({ length: 400 }, (_, i) => ({
  sku: `${20_000 + i * 7}${i % 9 === 0 ? 'A' : ''}`,
  description: `${colours[i % colours.length]} ${things[Math.floor(i / colours.length) % things.length]}`,
  unitPrice: 19 + ((i * 197) % 1487),
}))

/**
 * Endless rows of the shape of Online Retail, in the same proportions roughly: orders of a few to many lines, one
 * cancellation for six orders, now and then a missing customer, a zero price, postage, a stock correction.
 */
export function* syntheticRows(options: SyntheticOptions = {}): Generator<RetailRow[]> {
  const random = createSeededRandom(options.seed ?? 1)
  let number = options.firstInvoice ?? 900_001
  let at = Date.parse(options.from ?? '2011-11-01T08:00:00Z')
  const sold: RetailRow[] = []
  for (;;) {
    at += random.integer(600) * 1000
    const head: Head = {
      number: number++,
      placedAt: new Date(at).toISOString().replace('.000Z', 'Z'),
      customer: random.next() < 0.06 ? null : String(12_000 + random.integer(customers)),
      country: pick(countries, random),
    }
    const rows = invoiceRows(head, sold, random)
    yield rows
    sold.push(...rows.filter((row) => row.quantity > 0 && row.customer !== null).slice(0, 3))
    if (sold.length > 300) sold.splice(0, sold.length - 300)
  }
}

interface Head {
  readonly number: number
  readonly placedAt: string
  readonly customer: string | null
  readonly country: string
}

function invoiceRows(head: Head, sold: readonly RetailRow[], random: Random): RetailRow[] {
  const kind = random.next()
  if (kind < 0.14 && sold.length > 0) return [cancellationRow(head, pick(sold, random), random)]
  if (kind < 0.19) return [oddRow(head, random)]
  // Squaring bends the lengths the real way: half the orders are short, a few are long.
  const count = 1 + Math.floor(random.next() ** 3 * 80)
  const rows = Array.from({ length: count }, () => orderRow(head, random))
  if (random.next() < 0.05) rows.push({ ...orderRow(head, random), sku: 'POST', unitPrice: 1800 })
  return rows
}

function orderRow(head: Head, random: Random): RetailRow {
  const item = pick(items, random)
  return {
    ...rowOf(head),
    ...item,
    unitPrice: random.next() < 0.005 ? 0 : item.unitPrice,
    quantity: 1 + Math.floor(random.next() ** 3 * 48),
  }
}

function cancellationRow(head: Head, row: RetailRow, random: Random): RetailRow {
  const quantity = random.next() < 0.1 ? row.quantity + 1000 : 1 + random.integer(row.quantity)
  return {
    ...row,
    placedAt: head.placedAt,
    invoice: `C${head.number}`,
    quantity: -quantity,
  }
}

function oddRow(head: Head, random: Random): RetailRow {
  const row = { ...orderRow(head, random), quantity: 1 }
  switch (random.integer(4)) {
    case 0:
      return { ...row, quantity: -24, unitPrice: 0, customer: null, description: 'damaged' }
    case 1:
      return { ...row, unitPrice: 0, customer: null, description: '' }
    case 2:
      return { ...row, sku: 'M', description: 'Manual', unitPrice: 1000 }
    default:
      return { ...row, invoice: `A${head.number}`, sku: 'B', description: 'Adjust bad debt' }
  }
}

function rowOf(head: Head): RetailRow {
  return {
    // Its place is given when the rows are written to a file.
    line: 0,
    invoice: String(head.number),
    sku: '',
    description: '',
    quantity: 0,
    placedAt: head.placedAt,
    unitPrice: 0,
    customer: head.customer,
    country: head.country,
  }
}

function pick<T>(values: readonly T[], random: Random): T {
  return values[random.integer(values.length)] as T
}

/** The plan for `invoices` synthetic invoices, as {@link readRetailFile} gives it for a file. */
export function planSynthetic(invoices: number, options: SyntheticOptions = {}): ReplayPlan {
  const planner = createReplayPlanner()
  const planned: ReplayItem[] = []
  for (const rows of syntheticRows(options).take(invoices)) {
    for (const row of rows) planned.push(...planner.push(row))
  }
  planned.push(...planner.end())
  return { items: planned, tally: planner.tally(), malformed: [] }
}

/** Endless items for demo traffic; a cancellation reaches back over the last 1,000 orders. */
export function* syntheticItemsToSend(options: SyntheticOptions = {}): Generator<ReplayItem> {
  const planner = createReplayPlanner({ remember: 1000 })
  for (const rows of syntheticRows(options)) {
    for (const row of rows) yield* planner.push(row)
  }
}

/** What the synthetic orders sell, for `registerItems`; `available` is the units of each. */
export function syntheticCatalogue(available: number): readonly DemoItem[] {
  return items.map(({ sku, description, unitPrice }) => ({
    sku,
    description,
    unitPrice,
    currency: 'GBP',
    available,
  }))
}

/** `invoices` synthetic invoices as the text of an Online Retail file. */
export function syntheticCsv(invoices: number, options: SyntheticOptions = {}): string {
  let text = `${retailHeader.join(',')}\n`
  for (const rows of syntheticRows(options).take(invoices)) {
    for (const row of rows) text += formatRetailRow(row, formatHundredths(row.unitPrice ?? 0))
  }
  return text
}
