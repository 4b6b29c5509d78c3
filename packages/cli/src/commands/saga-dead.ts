import type { DeadLetterDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { renderTable } from '../render/table.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags } = invocation
  const { items } = await adminClient(invocation).get<{
    readonly items: readonly DeadLetterDocument[]
  }>(`/api/v1/dead-letters?limit=${flags.number('limit') ?? 50}`)
  if (out.json) out.document('tidemill.dead-letters.v1', { items })
  else if (items.length === 0) out.line('No message was given up on.')
  else {
    const rows = items.map((letter) => [
      String(letter.id),
      letter.sagaId,
      `${letter.step} ${letter.direction}`,
      letter.to,
      String(letter.attempts),
      letter.error ?? '',
    ])
    const columns = ['ID', 'SAGA', 'STEP', 'TO', 'TRIES', 'ERROR'].map((title) => ({ title }))
    for (const line of renderTable(columns, rows)) out.line(line)
  }
  return exitCode.ok
}
