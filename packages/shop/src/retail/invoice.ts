import type { RetailRow } from './row.ts'

/** Rows of one invoice number, in file order. */
export interface Invoice {
  readonly id: string
  readonly rows: readonly RetailRow[]
}

/** How many rows of other invoices may stand between two rows of one (the real year interrupts one invoice by two rows). */
export const groupingWindow = 1000

/** How many closed invoices are remembered, to tell a late row from a new invoice. */
const rememberedInvoices = 100_000

/** Gathers rows into invoices, which come out in the order of their first rows. */
export interface InvoiceGrouper {
  push(row: RetailRow): { readonly closed: readonly Invoice[]; readonly late: boolean }
  /** What is still open at the end of the file. */
  end(): readonly Invoice[]
}

export function createInvoiceGrouper(): InvoiceGrouper {
  const open = new Map<string, { rows: RetailRow[]; last: number }>()
  const closed = new Set<string>()
  let count = 0

  const close = (id: string, rows: readonly RetailRow[]): Invoice => {
    open.delete(id)
    closed.add(id)
    if (closed.size > rememberedInvoices) {
      for (const oldest of closed) {
        closed.delete(oldest)
        break
      }
    }
    return { id, rows }
  }

  return {
    push(row) {
      count++
      const late = closed.has(row.invoice)
      if (!late) {
        const entry = open.get(row.invoice)
        if (entry === undefined) {
          open.set(row.invoice, { rows: [row], last: count })
        } else {
          entry.rows.push(row)
          entry.last = count
        }
      }
      const done: Invoice[] = []
      for (const [id, entry] of open) {
        if (entry.last + groupingWindow >= count) break
        done.push(close(id, entry.rows))
      }
      return { closed: done, late }
    },
    end: () => Array.from(open, ([id, { rows }]) => close(id, rows)),
  }
}
