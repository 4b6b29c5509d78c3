import type { SagaDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { renderTable } from '../render/table.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags } = invocation
  const state = flags.string('state')
  const query = `limit=${flags.number('limit') ?? 50}${state === undefined ? '' : `&state=${state}`}`
  const { items } = await adminClient(invocation).get<{ readonly items: readonly SagaDocument[] }>(
    `/api/v1/sagas?${query}`,
  )
  if (out.json) out.document('tidemill.sagas.v1', { items })
  else if (items.length === 0)
    out.line(state === undefined ? 'No sagas yet.' : `No saga is ${state}.`)
  else {
    const rows = items.map((saga) => [
      saga.id,
      saga.type ?? '',
      saga.bizKey ?? '',
      saga.state,
      saga.steps.map((step) => `${step.name}:${step.state}`).join(' '),
    ])
    for (const line of renderTable(
      [
        { title: 'ID' },
        { title: 'TYPE' },
        { title: 'KEY' },
        { title: 'STATE' },
        { title: 'STEPS' },
      ],
      rows,
    )) {
      out.line(line)
    }
  }
  return exitCode.ok
}
