import type { Decision } from '@tidemill/gateway/admin'
import type { Output } from './output.ts'
import { renderTable } from './render/table.ts'

/** The winner first, then every other with what it lacks. */
export function decisionText(decision: Decision, out: Pick<Output, 'style'>): string[] {
  const { status, route, rule, backend, listener, reason, candidates } = decision
  const color = status < 400 ? 'green' : 'red'
  const lines = [
    route === null
      ? `${out.style(color, String(status))}  no route takes it${reason === null ? '' : `: ${reason}`}`
      : `${out.style(color, String(status))}  ${route} takes it by its rule ${rule}${decision.ruleName === null ? '' : ` (${decision.ruleName})`}${backend === null ? '' : `, to ${backend}`}`,
  ]
  if (listener !== null) lines.push(`     at listener ${listener}`)
  if (route !== null && reason !== null) lines.push(`     ${reason}`)
  if (candidates.length === 0) return lines
  const sorted = candidates.toSorted((a, b) => Number(a.lost !== null) - Number(b.lost !== null))
  const rows = sorted.map((one) => [
    one.route,
    String(one.rule),
    String(one.match),
    one.lost ?? out.style('green', 'takes it'),
  ])
  const columns = [
    { title: 'ROUTE' },
    { title: 'RULE', align: 'right' as const },
    { title: 'MATCH', align: 'right' as const },
    { title: 'OUTCOME' },
  ]
  return [...lines, '', ...renderTable(columns, rows)]
}
