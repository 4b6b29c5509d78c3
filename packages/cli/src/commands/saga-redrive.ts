import { parseJson } from '@tidemill/core'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags } = invocation
  const id = args['ID'] ?? ''
  const text = flags.string('payload')
  const body = text === undefined ? {} : { payload: parseJson(text) }
  const dryRun = flags.boolean('dry-run')
  if (!dryRun) {
    await adminClient(invocation).send(
      'POST',
      `/api/v1/dead-letters/${encodeURIComponent(id)}/redrive`,
      body,
    )
  }
  if (out.json) out.document('tidemill.saga-redrive.v1', { dryRun, id, ...body })
  else {
    const how = text === undefined ? 'as it is' : 'with the given payload'
    out.line(`${dryRun ? 'would put' : 'put'} message ${id} back ${how}`)
  }
  return exitCode.ok
}
