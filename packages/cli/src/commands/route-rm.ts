import type { RouteDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags } = invocation
  const name = args['NAME'] ?? ''
  const [namespace, route, ...more] = name.split('/')
  if (namespace === undefined || route === undefined || route === '' || more.length > 0) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: `"${name}" is not namespace/name`,
      suggestion: '`tidemill route ls` shows the names.',
    })
  }
  const client = adminClient(invocation)
  if (flags.boolean('dry-run')) {
    const { items } = await client.get<{ readonly items: readonly RouteDocument[] }>(
      '/api/v1/routes',
    )
    const found = items.some((row) => row.name === name)
    if (out.json) out.document('tidemill.route-rm.v1', { dryRun: true, name, found })
    else out.line(found ? `would remove ${name}` : `there is no route ${name}`)
    return found ? exitCode.ok : exitCode.notFound
  }
  await client.send(
    'DELETE',
    `/api/v1/routes/${encodeURIComponent(namespace)}/${encodeURIComponent(route)}`,
  )
  if (out.json) out.document('tidemill.route-rm.v1', { dryRun: false, name })
  else out.line(`removed ${name}`)
  return exitCode.ok
}
