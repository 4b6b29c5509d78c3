import type { RouteDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { renderTable } from '../render/table.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out } = invocation
  const { items } = await adminClient(invocation).get<{ readonly items: readonly RouteDocument[] }>(
    '/api/v1/routes',
  )
  if (out.json) {
    out.document('tidemill.routes.v1', { items })
    return exitCode.ok
  }
  const rows = items.map((route) => [
    route.name,
    route.hostnames.join(',') || '*',
    route.matches.join(' | '),
    route.backends.join(','),
    route.breaker ?? '-',
    route.accepted ? 'accepted' : 'REFUSED',
  ])
  for (const line of renderTable(
    [
      { title: 'ROUTE' },
      { title: 'HOSTS' },
      { title: 'MATCHES' },
      { title: 'TO' },
      { title: 'BREAKER' },
      { title: 'STATE' },
    ],
    rows,
  )) {
    out.line(line)
  }
  for (const route of items) {
    for (const problem of route.problems)
      out.line(`${route.name} ${problem.path}: ${problem.message}`)
  }
  return exitCode.ok
}
