import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  createCsvParser,
  formatHundredths,
  formatRetailRow,
  parseRetailRow,
  type RetailRow,
  type RowResult,
} from '@tidemill/shop'

const good = '536365,85123a,WHITE HEART ,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom'

function read(line: string): RowResult {
  const parser = createCsvParser()
  const [record] = [...parser.push(line), ...parser.end()]
  assert.ok(record)
  return parseRetailRow(record)
}

function problemOf(line: string): { path: string; column: number | undefined } {
  const result = read(line)
  assert.ok('problem' in result, line)
  assert.equal(result.problem.line, 1)
  return { path: result.problem.path, column: result.problem.column }
}

describe('rows of Online Retail', () => {
  it('reads a real row: pence, UTC, upper-case code, customer without its ".0"', () => {
    assert.deepEqual(read(good), {
      row: {
        line: 1,
        invoice: '536365',
        sku: '85123A',
        description: 'WHITE HEART',
        quantity: 6,
        placedAt: '2010-12-01T08:26:00Z',
        unitPrice: 255,
        customer: '17850',
        country: 'United Kingdom',
      },
    })
  })

  it('keeps a missing customer as none and a price below a penny as null', () => {
    const result = read(good.replace('17850.0', '').replace('2.55', '0.001'))
    assert.ok('row' in result)
    assert.equal(result.row.customer, null)
    assert.equal(result.row.unitPrice, null)
  })

  it('names the field and the column of what is malformed', () => {
    assert.deepEqual(problemOf(good.replace('536365', 'X1')), { path: '/InvoiceNo', column: 1 })
    assert.deepEqual(problemOf(good.replace('85123a', '')), { path: '/StockCode', column: 8 })
    assert.deepEqual(problemOf(good.replace(',6,', ',6.5,')), { path: '/Quantity', column: 28 })
    assert.deepEqual(problemOf(good.replace('12-01', '02-30')).path, '/InvoiceDate')
    assert.deepEqual(problemOf(good.replace('08:26', '25:26')).path, '/InvoiceDate')
    assert.deepEqual(problemOf(good.replace('2.55', 'free')), { path: '/UnitPrice', column: 50 })
    assert.deepEqual(problemOf(good.replace('17850.0', '17x')).path, '/CustomerID')
    assert.deepEqual(problemOf(good.replace('United Kingdom', '')).path, '/Country')
    assert.deepEqual(problemOf('536365,85123A,WHITE').path, '')
    assert.deepEqual(problemOf(`${good},more`).path, '')
  })

  it('reads back every row that it writes', () => {
    const text = fc.string({ unit: fc.constantFrom('A', 'z', '"', ',', '£', ' ') })
    const rows = fc.record<Omit<RetailRow, 'line'>>({
      invoice: fc.constantFrom('536365', 'C536379', 'A563185'),
      sku: fc.constantFrom('85123A', 'POST', 'BANK CHARGES'),
      description: text.map((value) => value.trim()),
      quantity: fc.integer({ min: -90_000, max: 90_000 }),
      placedAt: fc.constant('2011-11-01T08:16:00Z'),
      unitPrice: fc.integer({ min: -2_000_000, max: 4_000_000 }).map((value) => value || 0),
      customer: fc.option(fc.constantFrom('12345', '17850')),
      country: fc.constantFrom('EIRE', 'Korea, "South"'),
    })
    fc.assert(
      fc.property(rows, (row) => {
        const line = formatRetailRow({ ...row, line: 1 }, formatHundredths(row.unitPrice ?? 0))
        assert.deepEqual(read(line), { row: { ...row, line: 1 } })
      }),
    )
  })
})
