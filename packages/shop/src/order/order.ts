import type { Minor } from '../money.ts'

export interface OrderLine {
  readonly sku: string
  readonly description?: string
  readonly quantity: number
  /** Price of one unit in minor units, as agreed with the customer; this is what is charged. */
  readonly unitPrice: Minor
}

/** An order as a client asks for it, checked. */
export interface OrderRequest {
  readonly id?: string
  readonly customer: string
  readonly country: string
  readonly currency: string
  /** RFC 3339, in UTC. */
  readonly placedAt: string
  readonly lines: readonly OrderLine[]
}

/** `stuck` is pending, but its saga needs a person. */
export type OrderState = 'pending' | 'confirmed' | 'cancelled' | 'stuck'

/** Units of one item. */
export type Units = readonly [sku: string, quantity: number]

export function orderTotal(lines: readonly OrderLine[]): Minor {
  return lines.reduce((sum, line) => sum + line.quantity * line.unitPrice, 0)
}

/** The units per item, lines of the same item together. */
export function unitsOf(lines: readonly { sku: string; quantity: number }[]): Units[] {
  const units = new Map<string, number>()
  for (const { sku, quantity } of lines) units.set(sku, (units.get(sku) ?? 0) + quantity)
  return [...units]
}

/** The event stream of an order. */
export function orderStream(id: string): string {
  return `order-${id}`
}

/** The day of an RFC 3339 moment in UTC. */
export function dayOf(placedAt: string): string {
  return placedAt.slice(0, 10)
}

/** What of an order is given back: units by item, and what was charged for them. */
export interface Allocation {
  readonly units: readonly Units[]
  readonly amount: Minor
  /** Units claimed per line after this one. */
  readonly claimed: readonly number[]
}

/**
 * Takes units for a refund from the order's lines, first lines first; `wanted` null takes all that is left.
 * Undefined when an item has fewer units left than wanted.
 */
export function allocate(
  lines: readonly OrderLine[],
  claimed: readonly number[],
  wanted: readonly Units[] | null,
): Allocation | undefined {
  const open = new Map(wanted)
  const after = lines.map((_, i) => claimed[i] ?? 0)
  const taken: { sku: string; quantity: number }[] = []
  let amount = 0
  for (const [i, line] of lines.entries()) {
    const left = line.quantity - (after[i] ?? 0)
    const quantity = wanted === null ? left : Math.min(left, open.get(line.sku) ?? 0)
    if (quantity === 0) continue
    after[i] = (after[i] ?? 0) + quantity
    open.set(line.sku, (open.get(line.sku) ?? 0) - quantity)
    amount += quantity * line.unitPrice
    taken.push({ sku: line.sku, quantity })
  }
  if (wanted !== null && wanted.some(([sku]) => (open.get(sku) ?? 0) > 0)) return undefined
  return { units: unitsOf(taken), amount, claimed: after }
}
