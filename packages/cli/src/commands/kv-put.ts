import { text } from 'node:stream/consumers'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags } = invocation
  const key = args['KEY'] ?? ''
  const value = args['VALUE'] === '-' ? await text(process.stdin) : (args['VALUE'] ?? '')
  if (flags.boolean('dry-run')) {
    if (out.json)
      out.document('tidemill.kv-put.v1', { dryRun: true, key, bytes: Buffer.byteLength(value) })
    else out.line(`would write ${Buffer.byteLength(value)} bytes to ${key}`)
    return exitCode.ok
  }
  const answer = await adminClient(invocation).send<{ readonly revision: number }>(
    'PUT',
    `/api/v1/kv/${encodeURIComponent(key)}`,
    { value },
  )
  if (out.json) out.document('tidemill.kv-put.v1', { dryRun: false, key, ...answer })
  else out.line(`revision ${answer.revision}`)
  return exitCode.ok
}
