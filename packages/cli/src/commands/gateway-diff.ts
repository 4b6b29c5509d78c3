import { type ManifestObject, type PlannedObject, redactObject } from '@tidemill/gateway/admin'
import type { Invocation } from '../command.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { gatewayClient } from '../gateway-client.ts'
import { differences, differenceText, type ObjectDifference } from '../gateway-difference.ts'
import { readValidFiles } from '../gateway-manifests.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags } = invocation
  const paths = flags.strings('file')
  const [old, next] = paths
  if (old === undefined || paths.length > 2) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: '`gateway diff` takes one or two -f',
      suggestion: 'Write -f OLD -f NEW, or -f NEW to compare with the running gateway.',
    })
  }
  const changes =
    next === undefined
      ? await fromRunning(invocation, old)
      : betweenObjects(
          (await readValidFiles([old])).objects,
          (await readValidFiles([next])).objects,
        )
  if (out.json) out.document('tidemill.gateway-diff.v1', { changes })
  else {
    for (const line of differenceText(changes, (color, text) => out.style(color, text)))
      out.line(line)
    if (changes.length === 0) out.note('nothing differs')
  }
  return changes.length === 0 ? exitCode.ok : exitCode.failure
}

function betweenObjects(
  before: readonly ManifestObject[],
  after: readonly ManifestObject[],
): ObjectDifference[] {
  const old = new Map(before.map((one) => [`${one.kind} ${one.key}`, one]))
  const changes: ObjectDifference[] = []
  for (const one of after) {
    const object = `${one.kind} ${one.key}`
    const known = old.get(object)
    old.delete(object)
    if (known === undefined) changes.push({ object, action: 'create', differences: [] })
    else {
      const all = differences(known.object, one.object)
      // Of a Secret it is said where it differs, not what it holds.
      const shown =
        one.kind === 'Secret' ? all.map(({ path }) => ({ path, before: '***', after: '***' })) : all
      if (all.length > 0) changes.push({ object, action: 'change', differences: shown })
    }
  }
  for (const object of old.keys()) changes.push({ object, action: 'delete', differences: [] })
  return changes
}

async function fromRunning(invocation: Invocation, file: string): Promise<ObjectDifference[]> {
  const { objects } = await readValidFiles([file])
  const client = await gatewayClient(invocation)
  const prune = invocation.flags.boolean('prune')
  const plan = await client.send<{ readonly objects: readonly PlannedObject[] }>(
    'POST',
    '/v1/objects?dryRun=true',
    { objects: objects.map((one) => one.object), prune },
  )
  const wanted = new Map(objects.map((one) => [`${one.kind} ${one.key}`, one.object]))
  return plan.objects.flatMap(({ kind, key, action, before }): ObjectDifference[] => {
    if (action === 'keep') return []
    const object = `${kind} ${key}`
    const all = action === 'change' ? differences(before, redactObject(wanted.get(object))) : []
    return [{ object, action, differences: all }]
  })
}
