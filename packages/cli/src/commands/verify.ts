import type { Invariant } from '@tidemill/platform'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { invariantLines } from '../invariant-lines.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out } = invocation
  out.status('waiting until nothing is under way ...')
  const { invariants } = await adminClient(invocation).send<{
    readonly invariants: readonly Invariant[]
  }>('POST', '/api/v1/verify')
  out.status('')
  const holds = invariants.every((invariant) => invariant.holds)
  if (out.json) out.document('tidemill.verify.v1', { holds, invariants })
  else for (const line of invariantLines(invariants, out)) out.line(line)
  return holds ? exitCode.ok : exitCode.failure
}
