import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags } = invocation
  const id = args['ID'] ?? ''
  const reason = flags.string('reason') ?? ''
  if (reason === '') {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: '`saga discard` needs --reason: it is kept with the message',
      suggestion: 'Write for example --reason "paid by hand".',
    })
  }
  const dryRun = flags.boolean('dry-run')
  if (!dryRun) {
    await adminClient(invocation).send(
      'POST',
      `/api/v1/dead-letters/${encodeURIComponent(id)}/discard`,
      { reason },
    )
  }
  if (out.json) out.document('tidemill.saga-discard.v1', { dryRun, id, reason })
  else out.line(`${dryRun ? 'would discard' : 'discarded'} message ${id}: ${reason}`)
  return exitCode.ok
}
