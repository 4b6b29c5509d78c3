import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { needFiles, problemText, readFiles } from '../gateway-manifests.ts'
import { offlineConfiguration } from '../gateway-offline.ts'
import { plural } from '../render/plural.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags } = invocation
  const paths = flags.strings('file')
  needFiles(paths)
  const { objects, problems } = await readFiles(paths)
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const warnings = [
    ...problems.filter(({ severity }) => severity === 'warning').map(problemText),
    ...(errors > 0 ? [] : together(objects)),
  ]
  const valid = errors === 0 && !(flags.boolean('strict') && warnings.length > 0)
  if (out.json) {
    const data = { valid, objects: objects.length, problems, warnings }
    out.document('tidemill.gateway-validate.v1', data)
  } else {
    for (const one of problems) {
      if (one.severity === 'error') out.line(out.style('red', problemText(one)))
    }
    for (const warning of warnings) out.line(out.style('yellow', warning))
    const count = plural(objects.length, 'valid object')
    if (errors > 0) out.line(`${plural(errors, 'error')}, ${count}`)
    else
      out.line(
        `${out.style('green', 'valid')}: ${count}${warnings.length > 0 ? `, ${plural(warnings.length, 'warning')}` : ''}`,
      )
  }
  return valid ? exitCode.ok : exitCode.failure
}

/** What only shows when the objects are looked at together: shadowed routes, references to nothing. */
function together(objects: Parameters<typeof offlineConfiguration>[0]): string[] {
  const configuration = offlineConfiguration(objects, undefined)
  const lines: string[] = []
  for (const one of configuration.status()) {
    const name = `${one.origin ?? ''}: warning: ${one.kind} ${one.key}`
    for (const { path, message } of [...one.problems, ...one.warnings]) {
      lines.push(`${name} ${path} ${message}`)
    }
    for (const { ref, conditions } of one.parents) {
      for (const { type, status, reason, message } of conditions) {
        if (status !== 'False' || !/Accepted|ResolvedRefs/u.test(type)) continue
        lines.push(`${name} at ${ref.name}: ${type} ${reason}: ${message}`)
      }
    }
  }
  return lines
}
