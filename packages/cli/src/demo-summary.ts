import type { DemoReport } from '@tidemill/shop'
import { cliErrors } from './errors.ts'
import { invariantLines } from './invariant-lines.ts'
import type { Output } from './output.ts'
import { formatMoney } from './render/money.ts'
import { count } from './render/progress-bar.ts'

/** Throws TM_CLI_INVARIANT with the names of those that do not hold. */
export function requireInvariants({ invariants }: Pick<DemoReport, 'invariants'>): void {
  const broken = invariants.filter((invariant) => !invariant.holds)
  if (broken.length === 0) return
  throw cliErrors.error('TM_CLI_INVARIANT', { names: broken.map((one) => one.name).join(', ') })
}

/** `, 3 skipped (postage 2, fee 1)`, or nothing. */
function skipped(n: number, by: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(by).map(([reason, times]) => `${reason} ${count(times)}`)
  return n === 0 ? '' : `, ${count(n)} skipped (${reasons.join(', ')})`
}

/** What a person reads after a demo: counts, time, money, and whether the books balance. */
export function demoSummary(report: DemoReport, out: Pick<Output, 'style'>): readonly string[] {
  const { invoices, lines, outcome, latencyMs } = report
  const revenue = Object.entries(report.revenue).map(([currency, minor]) =>
    formatMoney(minor, currency),
  )
  return [
    `${out.style('bold', `${count(invoices.read)} invoices`)} in ${report.seconds.toFixed(1)} s, ${count(report.ordersPerSecond)} orders/s, p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms`,
    `  ${count(invoices.orders)} orders, ${count(invoices.cancellations)} cancellations${skipped(invoices.skipped, invoices.skippedBy)}`,
    `  ${count(lines.read)} lines: ${count(lines.used)} used${skipped(lines.skipped, lines.skippedBy)}`,
    `  ${count(outcome.confirmed)} confirmed, ${count(outcome.compensated)} undone, ${count(outcome.stuck)} stuck`,
    `  revenue ${revenue.join(', ') || 'none'}`,
    '',
    'Do the books balance?',
    ...invariantLines(report.invariants, out),
  ]
}
