import type { OrderRow } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { formatMoney } from '../render/money.ts'
import { renderTable } from '../render/table.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags } = invocation
  const { items } = await adminClient(invocation).get<{ readonly items: readonly OrderRow[] }>(
    `/api/v1/orders?limit=${flags.number('limit') ?? 50}`,
  )
  if (out.json) {
    out.document('tidemill.orders.v1', { items })
    return exitCode.ok
  }
  if (items.length === 0) {
    out.line('No orders yet. `tidemill up --demo` keeps some coming.')
    return exitCode.ok
  }
  const rows = items.map((order) => [
    order.id,
    order.state,
    formatMoney(order.total.amount, order.total.currency),
    order.customer ?? '-',
    order.country,
    order.placedAt,
  ])
  const columns = [
    { title: 'ID' },
    { title: 'STATE' },
    { title: 'TOTAL', align: 'right' as const },
    { title: 'CUSTOMER' },
    { title: 'COUNTRY' },
    { title: 'PLACED' },
  ]
  for (const line of renderTable(columns, rows)) out.line(line)
  return exitCode.ok
}
