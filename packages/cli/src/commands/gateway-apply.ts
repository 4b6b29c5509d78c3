import type { PlannedObject } from '@tidemill/gateway/admin'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { gatewayClient } from '../gateway-client.ts'
import { problemText, readValidFiles } from '../gateway-manifests.ts'

interface Applied {
  readonly dryRun: boolean
  readonly revision: number | null
  readonly objects: readonly PlannedObject[]
}

const words = {
  create: 'created',
  change: 'changed',
  keep: 'unchanged',
  delete: 'removed',
} as const

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags } = invocation
  const { objects, problems } = await readValidFiles(flags.strings('file'))
  for (const one of problems) out.note(problemText(one))
  const client = await gatewayClient(invocation)
  const dryRun = flags.boolean('dry-run')
  const applied = await client.send<Applied>('POST', `/v1/objects?dryRun=${dryRun}`, {
    objects: objects.map((one) => one.object),
    prune: flags.boolean('prune'),
  })
  const { revision } = applied
  const rows = applied.objects.map(({ kind, key, action }) => ({ kind, key, action }))
  if (out.json) {
    out.document('tidemill.gateway-apply.v1', { dryRun, revision, objects: rows })
    return exitCode.ok
  }
  for (const { kind, key, action } of rows) {
    const done = words[action]
    out.line(`${kind} ${key} ${dryRun && action !== 'keep' ? `would be ${done}` : done}`)
  }
  if (dryRun) out.line('nothing was changed: this was a dry run')
  else out.line(revision === null ? 'nothing had to change' : `revision ${revision}`)
  return exitCode.ok
}
