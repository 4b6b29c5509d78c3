import type { Invocation } from '../command.ts'
import { type Check, runChecks } from '../doctor-checks.ts'
import { exitCode } from '../exit-code.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags, signal } = invocation
  const checks = await runChecks({
    url: flags.string('url') ?? '',
    urlGiven: flags.origin('url') !== 'default',
    dataDir: flags.string('data'),
    signal,
  })
  const problems = checks.filter((check) => check.state === 'problem')
  if (out.json) out.document('tidemill.doctor.v1', { ok: problems.length === 0, checks })
  else {
    for (const check of checks) out.line(`${mark(check)} ${check.name.padEnd(10)} ${check.text}`)
    for (const problem of problems)
      if (problem.hint !== undefined) out.note(`  try: ${problem.hint}`)
    out.line(
      problems.length === 0
        ? 'No problems found.'
        : `${problems.length} of ${checks.length} checks found a problem.`,
    )
  }
  return problems.length === 0 ? exitCode.ok : exitCode.failure

  function mark(check: Check): string {
    if (check.state === 'ok') return out.style('green', '+')
    return check.state === 'note' ? out.style('dim', '-') : out.style('red', 'x')
  }
}
