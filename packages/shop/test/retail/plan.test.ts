import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  codeReason,
  createReplayPlanner,
  groupingWindow,
  lineRules,
  type ReplayItem,
  type ReplayTally,
  type RetailRow,
  rowReason,
  type SkipReason,
} from '@tidemill/shop'

const base: RetailRow = {
  line: 2,
  invoice: '536365',
  sku: '85123A',
  description: 'HEART',
  quantity: 6,
  placedAt: '2010-12-01T08:26:00Z',
  unitPrice: 255,
  customer: '17850',
  country: 'United Kingdom',
}
const row = (change: Partial<RetailRow> = {}): RetailRow => ({ ...base, ...change })
const back = (change: Partial<RetailRow> = {}): RetailRow =>
  row({ invoice: 'C536379', quantity: -2, ...change })

function plan(...rows: RetailRow[]): { items: ReplayItem[]; tally: ReplayTally } {
  const planner = createReplayPlanner()
  const items = rows.flatMap((one) => planner.push(one))
  return { items: [...items, ...planner.end()], tally: planner.tally() }
}

describe('rules for lines', () => {
  const cases: readonly [SkipReason, Partial<RetailRow>][] = [
    ['bad-debt', { invoice: 'A563185', sku: 'B' }],
    ['inconsistent-row', { customer: '12345' }],
    ['inconsistent-row', { country: 'France' }],
    ['postage', { sku: 'POST' }],
    ['postage', { sku: 'DOT' }],
    ['postage', { sku: 'C2' }],
    ['discount', { sku: 'D' }],
    ['manual-entry', { sku: 'M' }],
    ['fee', { sku: 'BANK CHARGES' }],
    ['fee', { sku: 'AMAZONFEE' }],
    ['fee', { sku: 'CRUK' }],
    ['sample', { sku: 'S' }],
    ['gift-voucher', { sku: 'GIFT_0001_20' }],
    ['test-entry', { sku: 'TEST001' }],
    ['unknown-code', { sku: '123' }],
    ['negative-quantity', { quantity: -1, unitPrice: 0 }],
    ['negative-quantity', { quantity: 0 }],
    ['positive-quantity', { invoice: 'C1', quantity: 1 }],
    ['sub-penny-price', { unitPrice: null }],
    ['negative-price', { unitPrice: -1 }],
    ['zero-price', { unitPrice: 0 }],
    ['beyond-limits', { quantity: 1_000_001 }],
    ['beyond-limits', { unitPrice: 100_000_001 }],
    ['no-customer', { invoice: 'C1', quantity: -1, customer: null }],
  ]
  for (const [reason, change] of cases) {
    it(`skips ${JSON.stringify(change)} as ${reason}`, () => {
      const first = reason === 'inconsistent-row' ? base : row(change)
      assert.equal(rowReason(row(change), first), reason)
    })
  }

  it('takes goods: five digits, two letters behind at most, DCGS... and PADS', () => {
    for (const sku of ['85123A', '10002', '15056BL', 'DCGSSBOY', 'DCGS0076', 'PADS']) {
      assert.equal(codeReason(sku), undefined, sku)
    }
  })
})

describe('plan', () => {
  it('makes an order of an invoice and leaves out the lines that the rules skip', () => {
    const { items, tally } = plan(row(), row({ sku: 'POST' }), row({ sku: '71053', quantity: 1 }))
    assert.equal(items.length, 1)
    const [item] = items
    assert.ok(item?.kind === 'order')
    assert.deepEqual(
      item.order.lines.map((line) => [line.sku, line.quantity, line.unitPrice]),
      [
        ['85123A', 6, 255],
        ['71053', 1, 255],
      ],
    )
    assert.deepEqual(tally.lines, { read: 3, used: 2, skipped: 1, skippedBy: { postage: 1 } })
  })

  it('counts an invoice without a usable line under the reason of its first line', () => {
    const { tally } = plan(row({ sku: 'M' }), row({ unitPrice: 0 }))
    assert.deepEqual(tally.invoices.skippedBy, { 'manual-entry': 1 })
    assert.deepEqual(tally.lines.skippedBy, { 'manual-entry': 1, 'zero-price': 1 })
  })

  it('sells to the guest account when no customer is named', () => {
    const [item] = plan(row({ customer: null })).items
    assert.ok(item?.kind === 'order')
    assert.equal(item.order.customer, 'guest')
  })

  it('leads a cancellation back to the newest orders of customer and item', () => {
    const { items } = plan(
      row({ invoice: '1', quantity: 3 }),
      row({ invoice: '2', quantity: 3 }),
      back({ invoice: 'C3', quantity: -5 }),
    )
    const cancellation = items.find((item) => item.kind === 'cancellation')
    assert.deepEqual(cancellation?.cancellation.refunds, [
      { orderId: '2', lines: [{ sku: '85123A', quantity: 3 }] },
      { orderId: '1', lines: [{ sku: '85123A', quantity: 2 }] },
    ])
  })

  it('gives nothing back twice, and nothing that was not bought', () => {
    const { items, tally } = plan(
      row(),
      back({ invoice: 'C2', quantity: -4 }),
      back({ invoice: 'C3', quantity: -4 }),
      back({ invoice: 'C4', customer: '99999' }),
      back({ invoice: 'C5', sku: '71053' }),
    )
    assert.equal(items.length, 2)
    assert.deepEqual(tally.invoices.skippedBy, { 'unmatched-cancellation': 3 })
  })

  it('joins an invoice that another interrupts, and skips a row that comes too late', () => {
    const { items } = plan(row(), row({ invoice: '2' }), row({ sku: '71053' }))
    assert.equal(items.length, 2)
    const others = Array.from({ length: groupingWindow + 1 }, (_, i) =>
      row({ invoice: `${9000 + i}` }),
    )
    const late = plan(row(), ...others, row())
    assert.deepEqual(late.tally.lines.skippedBy, { 'late-row': 1 })
    assert.equal(late.tally.invoices.read, groupingWindow + 2)
  })

  it('skips an order of more lines than the order service takes', () => {
    const { items, tally } = plan(...Array.from({ length: 2001 }, () => row()))
    assert.equal(items.length, 0)
    assert.deepEqual(tally.invoices.skippedBy, { 'too-many-lines': 1 })
  })

  it('counts every line and invoice exactly once, whatever comes', () => {
    const any = fc.record<Partial<RetailRow>>({
      invoice: fc.constantFrom('1', '2', '3', 'C4', 'C5', 'A6'),
      sku: fc.constantFrom('85123A', '71053', 'POST', 'M', '??'),
      quantity: fc.integer({ min: -5, max: 5 }),
      unitPrice: fc.constantFrom(null, -1, 0, 100),
      customer: fc.constantFrom(null, '1', '2'),
    })
    fc.assert(
      fc.property(fc.array(any), (changes) => {
        const { items, tally } = plan(...changes.map(row))
        const { invoices, lines } = tally
        const sum = (by: Readonly<Record<string, number>>): number =>
          Object.values(by).reduce((total, count) => total + count, 0)
        assert.equal(invoices.read, new Set(changes.map((change) => change.invoice)).size)
        assert.equal(invoices.read, invoices.orders + invoices.cancellations + invoices.skipped)
        assert.equal(lines.read, changes.length)
        assert.equal(lines.read, lines.used + lines.skipped)
        assert.equal(sum(invoices.skippedBy), invoices.skipped)
        assert.equal(sum(lines.skippedBy), lines.skipped)
        assert.equal(items.length, invoices.orders + invoices.cancellations)
        for (const reason of Object.keys(lines.skippedBy)) assert.ok(reason in lineRules)
      }),
    )
  })
})
