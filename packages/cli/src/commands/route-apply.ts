import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { parseJson } from '@tidemill/core'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'

interface Applied {
  readonly revision: number | null
  readonly objects: readonly { readonly kind: string; readonly name: string }[]
}

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags } = invocation
  const file = args['FILE'] ?? ''
  const source = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8')
  const parsed = parseJson(source)
  const objects: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed]
  const dryRun = flags.boolean('dry-run')
  const applied = await adminClient(invocation).send<Applied>(
    'POST',
    `/api/v1/objects?dryRun=${dryRun}`,
    { objects },
  )
  if (out.json) out.document('tidemill.route-apply.v1', { dryRun, ...applied })
  else {
    for (const object of applied.objects) {
      out.line(`${object.kind} ${object.name} ${dryRun ? 'is valid' : 'applied'}`)
    }
  }
  return exitCode.ok
}
