import { writeFile } from 'node:fs/promises'
import { policyRules } from '@tidemill/gateway/slo'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { readValidFiles } from '../gateway-manifests.ts'

/** Writes the Prometheus rules of the objectives in manifests. */
export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags } = invocation
  const { objects } = await readValidFiles(flags.strings('file'))
  const text = policyRules(objects)
  const file = flags.string('out')
  if (file !== undefined && text !== undefined) await writeFile(file, text)
  if (out.json) {
    out.document('tidemill.slo-export.v1', { file: file ?? null, rules: text ?? null })
  } else if (text === undefined) out.line('no RoutePolicy here has an slo; there are no rules')
  else if (file === undefined) out.line(text.trimEnd())
  else out.line(`written to ${file}`)
  return exitCode.ok
}
