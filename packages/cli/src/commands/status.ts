import type { Overview } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { count } from '../render/progress-bar.ts'
import { renderTable } from '../render/table.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out } = invocation
  const client = adminClient(invocation)
  const overview = await client.get<Overview>('/api/v1/overview')
  const healthy = overview.health.state !== 'down'
  if (out.json) {
    out.document('tidemill.status.v1', overview)
    return healthy ? exitCode.ok : exitCode.failure
  }
  const color =
    overview.health.state === 'ok'
      ? 'green'
      : overview.health.state === 'degraded'
        ? 'yellow'
        : 'red'
  const { totals } = overview
  out.line(
    `${out.style(color, overview.health.state)}  tidemill ${overview.version} at ${client.url}, up ${Math.round(overview.uptimeMs / 1000)} s`,
  )
  for (const reason of overview.health.reasons) out.line(`  ${reason.code}: ${reason.text}`)
  out.line(
    `orders  ${count(totals.ordersPerMinute)}/min  ${count(totals.confirmed)} confirmed  ${count(totals.cancelled)} cancelled  ${count(totals.pending)} pending  ${count(totals.stuck)} stuck`,
  )
  out.line()
  const nodes = overview.nodes.map((node) => [
    node.label,
    node.state,
    Object.entries(node.facts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
  ])
  for (const line of renderTable(
    [{ title: 'PART' }, { title: 'STATE' }, { title: 'FACTS' }],
    nodes,
  ))
    out.line(line)
  out.line()
  const edges = overview.edges.map((edge) => [
    `${edge.from} -> ${edge.to}`,
    edge.rps.toFixed(1),
    `${(edge.errorRatio * 100).toFixed(1)} %`,
    edge.p99Ms === null ? '-' : edge.p99Ms.toFixed(1),
    edge.breaker ?? '-',
  ])
  const columns = [
    { title: 'EDGE' },
    { title: 'PER S', align: 'right' as const },
    { title: 'ERRORS', align: 'right' as const },
    { title: 'P99 MS', align: 'right' as const },
    { title: 'BREAKER' },
  ]
  for (const line of renderTable(columns, edges)) out.line(line)
  return healthy ? exitCode.ok : exitCode.failure
}
