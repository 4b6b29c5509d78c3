import type { FollowedOrderDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { formatMoney } from '../render/money.ts'
import { plural } from '../render/plural.ts'
import { renderTable } from '../render/table.ts'

const marks = { ok: '+', warn: '!', error: 'x' } as const
const colors = { ok: 'green', warn: 'yellow', error: 'red' } as const

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args } = invocation
  const id = encodeURIComponent(args['ID'] ?? '')
  const found = await adminClient(invocation).get<FollowedOrderDocument>(`/api/v1/orders/${id}`)
  if (out.json) {
    out.document('tidemill.order.v1', found)
    return exitCode.ok
  }
  const { order, route, saga } = found
  out.line(
    `${out.style('bold', `order ${order.id}`)}  ${order.state}  ${formatMoney(order.total.amount, order.total.currency)}  ${plural(order.lines.length, 'line')}`,
  )
  out.line(
    route === null
      ? 'route   not in the gateway log any more'
      : `route   ${route.route} -> ${route.upstream}  ${route.status} in ${route.ms.toFixed(1)} ms  request ${route.requestId}`,
  )
  if (saga !== null) {
    out.line(`saga    ${saga.id}  ${saga.state}`)
    for (const step of saga.steps) {
      const error = step.error === undefined || step.error === null ? '' : `  ${step.error}`
      out.line(
        `        ${step.name} ${step.direction ?? ''}  ${step.state}  ${plural(step.attempts, 'attempt')}${error}`,
      )
    }
  }
  for (const payment of found.payments) {
    out.line(
      `payment ${payment.kind} ${formatMoney(payment.amount, payment.currency)}  ${payment.state}`,
    )
  }
  const hops = found.hops ?? []
  if (hops.length > 0) {
    out.line()
    const table = hops.map((hop) => [
      `${hop.from} -> ${hop.to}`,
      hop.call,
      `${hop.ms.toFixed(1)} ms`,
      hop.leftMs === null ? '' : `${hop.leftMs.toFixed(0)} ms`,
      out.style(hop.status === 'OK' ? 'green' : 'red', hop.status),
    ])
    for (const line of renderTable(
      [
        { title: 'HOP' },
        { title: 'CALL' },
        { title: 'TOOK', align: 'right' },
        { title: 'DEADLINE LEFT', align: 'right' },
        { title: 'STATUS' },
      ],
      table,
    )) {
      out.line(line)
    }
  }
  out.line()
  const start = found.timeline[0]?.at ?? 0
  const rows = found.timeline.map((entry) => [
    out.style(colors[entry.state], marks[entry.state]),
    `+${entry.at - start} ms`,
    entry.system,
    entry.title,
    entry.detail ?? '',
  ])
  for (const line of renderTable(
    [
      { title: ' ' },
      { title: 'AFTER', align: 'right' },
      { title: 'SYSTEM' },
      { title: 'WHAT' },
      { title: '' },
    ],
    rows,
  )) {
    out.line(line)
  }
  return exitCode.ok
}
