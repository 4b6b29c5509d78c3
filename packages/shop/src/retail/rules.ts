import type { RetailRow } from './row.ts'

/** Why a line is not used. Rules are tried in this order; the first that applies gives the reason. */
export const lineRules = {
  'malformed-row': 'The row cannot be read as one; it belongs to no invoice.',
  'late-row': 'The row belongs to an invoice whose other rows ended more than 1,000 rows before.',
  'bad-debt': 'An invoice that starts with A adjusts bad debt in the books; no goods move.',
  'inconsistent-row': "The customer or country differs from that of the invoice's first row.",
  postage: 'POST, DOT and C2 are postage and carriage, not goods.',
  discount: 'D is a discount on the account.',
  'manual-entry': 'M and B are entries typed in by hand.',
  fee: 'BANK CHARGES, AMAZONFEE and CRUK are fees and commissions.',
  sample: 'S is samples given away.',
  'gift-voucher': 'GIFT_... is a voucher: money, not goods.',
  'test-entry': 'TEST... is a test of the till.',
  'unknown-code':
    'Goods are five digits with at most two letters behind, DCGS... or PADS; this is none.',
  'negative-quantity':
    'Outside cancellations, no units or fewer is a correction of the stock count.',
  'positive-quantity': 'A cancellation gives units back, so its quantities are below zero.',
  'sub-penny-price': 'The price is not whole pence.',
  'negative-price': 'A price below zero sells nothing.',
  'zero-price': 'A price of zero is a write-off or a gift, not a sale.',
  'beyond-limits': 'The quantity or the price is above what the order service takes.',
  'too-many-lines': 'The order has more lines than the order service takes.',
  'no-customer': 'A cancellation without a customer cannot be led back to an order.',
  'unmatched-cancellation':
    'The same customer did not buy that many of the item earlier in the file (or they were given back).',
} as const

export type SkipReason = keyof typeof lineRules

/** Codes of the file that are not goods. */
const entryCodes: Readonly<Record<string, SkipReason>> = {
  POST: 'postage',
  DOT: 'postage',
  C2: 'postage',
  D: 'discount',
  M: 'manual-entry',
  B: 'manual-entry',
  'BANK CHARGES': 'fee',
  AMAZONFEE: 'fee',
  CRUK: 'fee',
  S: 'sample',
}

const goods = /^(?:\d{5}[A-Z]{0,2}|DCGS\w{0,12}|PADS)$/u

/** The reason why a stock code is not goods; undefined for goods. */
export function codeReason(sku: string): SkipReason | undefined {
  if (goods.test(sku)) return undefined
  const entry = entryCodes[sku]
  if (entry !== undefined) return entry
  if (sku.startsWith('GIFT_')) return 'gift-voucher'
  return sku.startsWith('TEST') ? 'test-entry' : 'unknown-code'
}

export type InvoiceKind = 'order' | 'cancellation' | 'adjustment'

/** C is a cancellation, A an adjustment of bad debt, plain digits an order. */
export function invoiceKind(invoice: string): InvoiceKind {
  if (invoice.startsWith('C')) return 'cancellation'
  return invoice.startsWith('A') ? 'adjustment' : 'order'
}

/** What the order service takes in one line and one order; the longest invoice of the real year has 1,114 lines. */
export const orderLimits = {
  lines: 2000,
  quantity: 1_000_000,
  unitPrice: 100_000_000,
} as const

/** The reason why a row of an invoice is not used, as far as the row alone tells. `first` is the invoice's first row. */
export function rowReason(row: RetailRow, first: RetailRow): SkipReason | undefined {
  const kind = invoiceKind(row.invoice)
  if (kind === 'adjustment') return 'bad-debt'
  if (row.customer !== first.customer || row.country !== first.country) return 'inconsistent-row'
  const entry = codeReason(row.sku)
  if (entry !== undefined) return entry
  if (kind === 'order' && row.quantity <= 0) return 'negative-quantity'
  if (kind === 'cancellation' && row.quantity >= 0) return 'positive-quantity'
  if (row.unitPrice === null) return 'sub-penny-price'
  if (row.unitPrice < 0) return 'negative-price'
  if (row.unitPrice === 0) return 'zero-price'
  if (Math.abs(row.quantity) > orderLimits.quantity || row.unitPrice > orderLimits.unitPrice) {
    return 'beyond-limits'
  }
  return kind === 'cancellation' && row.customer === null ? 'no-customer' : undefined
}
