import type { KvDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags } = invocation
  const client = adminClient(invocation)
  const key = encodeURIComponent(args['KEY'] ?? '')
  const prefix = flags.boolean('prefix')
  if (flags.boolean('dry-run')) {
    const keys = prefix
      ? (
          await client.get<{ readonly items: readonly KvDocument[] }>(`/api/v1/kv?prefix=${key}`)
        ).items.map((row) => row.key)
      : [(await client.get<KvDocument>(`/api/v1/kv/${key}`)).key]
    if (out.json) out.document('tidemill.kv-del.v1', { dryRun: true, keys })
    else for (const name of keys) out.line(`would delete ${name}`)
    return exitCode.ok
  }
  const answer = await client.send<{ readonly deleted: number; readonly revision: number }>(
    'DELETE',
    `/api/v1/kv/${key}?prefix=${prefix}`,
  )
  if (out.json) out.document('tidemill.kv-del.v1', { dryRun: false, ...answer })
  else out.line(`deleted ${answer.deleted} at revision ${answer.revision}`)
  return answer.deleted > 0 ? exitCode.ok : exitCode.notFound
}
