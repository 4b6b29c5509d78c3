import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DemoReport } from '@tidemill/shop'
import { demoSummary, requireInvariants } from '../src/demo-summary.ts'

const report: DemoReport = {
  invoices: { read: 3, orders: 1, cancellations: 1, skipped: 1, skippedBy: { postage: 1 } },
  lines: { read: 5, used: 4, skipped: 1, skippedBy: { postage: 1 } },
  outcome: { confirmed: 1, compensated: 0, stuck: 0 },
  revenue: { GBP: 123_456 },
  seconds: 2,
  ordersPerSecond: 0.5,
  latencyMs: { p50: 1, p99: 2 },
  invariants: [
    { name: 'money conserved', holds: true, detail: '1234.56' },
    { name: 'stock conserved', holds: false, detail: 'A1: 3, not 4' },
  ],
}

describe('demo summary', () => {
  it('tells counts with reasons, money in major units, and each invariant with its mark', () => {
    const text = demoSummary(report, { style: (_, words) => words }).join('\n')
    assert.match(text, /3 invoices in 2\.0 s/u)
    assert.match(text, /1 skipped \(postage 1\)/u)
    assert.match(text, /1,234\.56 GBP/u)
    assert.match(text, /\+ money conserved/u)
    assert.match(text, /x stock conserved +A1: 3, not 4/u)
  })
  it('fails with the names of the invariants that do not hold', () => {
    assert.throws(() => requireInvariants(report), {
      code: 'TM_CLI_INVARIANT',
      message: /: stock conserved$/u,
    })
    requireInvariants({ invariants: report.invariants.slice(0, 1) })
  })
})
