import type { Problem } from '@tidemill/core'
import { type Minor, parseHundredths } from '../money.ts'
import { columnOfField, type CsvRecord } from './csv.ts'

/** The header that every Online Retail file begins with. */
export const retailHeader: readonly string[] = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
]

/** One well-formed row: one line of an invoice. */
export interface RetailRow {
  /** Line of the file, counted from 1. */
  readonly line: number
  /** `536365`, `C536379` for a cancellation, `A563185` for a bad-debt adjustment. */
  readonly invoice: string
  /** Upper case: the file writes some codes both ways (85123A, 85123a). */
  readonly sku: string
  readonly description: string
  readonly quantity: number
  /** RFC 3339 in UTC; the file gives no zone. */
  readonly placedAt: string
  /** Pence; null when the price is not whole pence (0.001). */
  readonly unitPrice: Minor | null
  readonly customer: string | null
  readonly country: string
}

type EightFields = readonly [string, string, string, string, string, string, string, string]

export type RowResult = { readonly row: RetailRow } | { readonly problem: Problem }

/**
 * Reads a record as a row; what does not fit is a problem with line, column, received and expected.
 * `keep` gives the text to hold on to in place of one cut from the input, see {@link createTextPool}.
 */
export function parseRetailRow(
  record: CsvRecord,
  keep: (text: string) => string = (text) => text,
): RowResult {
  const { fields, line } = record
  if (record.fault !== undefined) {
    const { message, column } = record.fault
    return { problem: { path: '', message, line, column, received: record.raw.slice(0, 80) } }
  }
  if (fields.length !== retailHeader.length) {
    const count = `${fields.length} fields`
    return {
      problem: {
        path: '',
        message: 'a row has eight fields',
        received: count,
        expected: '8 fields',
        line,
        column: record.raw.length + 1,
      },
    }
  }
  const [invoice, sku, description, quantity, date, price, customer, country] =
    fields as EightFields
  const placedAt = parseDate(date)
  const unitPrice = parseHundredths(price)
  const buyer = /^(\d{1,10})(?:\.0)?$/u.exec(customer)
  const bad = (index: number, expected: string): RowResult => ({
    problem: {
      path: `/${retailHeader[index] ?? ''}`,
      message: `${retailHeader[index] ?? ''} is malformed`,
      received: (fields[index] ?? '').slice(0, 80),
      expected,
      line,
      column: columnOfField(record, index),
    },
  })
  if (!/^[AC]?\d{1,10}$/u.test(invoice)) return bad(0, 'digits, with C or A before them or not')
  if (!/^[\w .-]{1,32}$/u.test(sku)) return bad(1, 'a stock code of 1 to 32 characters')
  if (!/^-?\d{1,7}$/u.test(quantity)) return bad(3, 'a whole number')
  if (placedAt === undefined) return bad(4, 'YYYY-MM-DD HH:MM:SS')
  if (unitPrice === undefined) return bad(5, 'a decimal number')
  if (customer !== '' && buyer === null) return bad(6, 'digits, or nothing')
  if (country === '' || country.length > 64) return bad(7, 'the name of a country')
  return {
    row: {
      line,
      invoice: keep(invoice),
      sku: keep(sku.trim().toUpperCase()),
      description: keep(description.trim()),
      quantity: Number(quantity),
      placedAt: keep(placedAt),
      unitPrice,
      customer: buyer?.[1] === undefined ? null : keep(buyer[1]),
      country: keep(country.trim()),
    },
  }
}

/** Writes a row as a CSV record with its line end, the way the file writes it. */
export function formatRetailRow(row: RetailRow, price: string): string {
  const date = row.placedAt.slice(0, 19).replace('T', ' ')
  const customer = row.customer === null ? '' : `${row.customer}.0`
  const fields = [row.invoice, row.sku, row.description, String(row.quantity), date, price]
  return `${[...fields, customer, row.country].map(quoteField).join(',')}\n`
}

function quoteField(field: string): string {
  return /[",\r\n]/u.test(field) ? `"${field.replaceAll('"', '""')}"` : field
}

/**
 * One copy of each distinct text. A text cut from a chunk keeps the whole chunk alive, so without this the rows of
 * a 45 MB file hold 45 MB of input besides themselves.
 */
export function createTextPool(): (text: string) => string {
  const pool = new Map<string, string>()
  return (text) => {
    const known = pool.get(text)
    if (known !== undefined) return known
    const copy = Buffer.from(text).toString()
    pool.set(copy, copy)
    return copy
  }
}

function parseDate(text: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d)(:\d\d)?$/u.exec(text)
  if (match === null) return undefined
  const iso = `${match[1]}T${match[2]}${match[3] ?? ':00'}Z`
  const at = new Date(iso)
  // Date moves 31 February into March; such a day is malformed.
  if (Number.isNaN(at.getTime()) || !at.toISOString().startsWith(iso.slice(0, 19))) return undefined
  return iso
}
