import type { SagaDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { renderTable } from '../render/table.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args } = invocation
  const id = encodeURIComponent(args['ID'] ?? '')
  const saga = await adminClient(invocation).get<SagaDocument>(`/api/v1/sagas/${id}`)
  if (out.json) {
    out.document('tidemill.saga.v1', saga)
    return exitCode.ok
  }
  out.line(
    `${out.style('bold', `saga ${saga.id}`)}  ${saga.type ?? ''} ${saga.bizKey ?? ''}  ${saga.state}`,
  )
  const rows = saga.steps.map((step) => [
    step.name,
    step.direction ?? '',
    step.state,
    String(step.attempts),
    step.error ?? '',
  ])
  for (const line of renderTable(
    [
      { title: 'STEP' },
      { title: 'DIRECTION' },
      { title: 'STATE' },
      { title: 'TRIES', align: 'right' },
      { title: 'ERROR' },
    ],
    rows,
  )) {
    out.line(line)
  }
  return exitCode.ok
}
