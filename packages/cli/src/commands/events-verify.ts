import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'

interface Report {
  readonly ok: boolean
  readonly events: number
  readonly problems: readonly string[]
}

export async function execute(invocation: Invocation): Promise<number> {
  const { out } = invocation
  out.status('reading every event ...')
  const report = await adminClient(invocation).send<Report>('POST', '/api/v1/events/verify')
  out.status('')
  if (out.json) out.document('tidemill.events-verify.v1', report)
  else {
    out.line(`${report.ok ? 'complete' : 'DAMAGED'}: ${report.events} events`)
    for (const problem of report.problems) out.line(`  ${problem}`)
  }
  return report.ok ? exitCode.ok : exitCode.failure
}
