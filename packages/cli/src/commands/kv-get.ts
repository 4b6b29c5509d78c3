import type { KvDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags } = invocation
  const client = adminClient(invocation)
  const key = encodeURIComponent(args['KEY'] ?? '')
  if (flags.boolean('prefix')) {
    const found = await client.get<{ readonly items: readonly KvDocument[] }>(
      `/api/v1/kv?prefix=${key}`,
    )
    if (out.json) out.document('tidemill.kv.v1', found)
    else for (const row of found.items) out.line(`${row.key}\t${row.value}`)
    return exitCode.ok
  }
  const row = await client.get<KvDocument>(`/api/v1/kv/${key}`)
  if (out.json) out.document('tidemill.kv-entry.v1', row)
  else out.line(row.value)
  return exitCode.ok
}
