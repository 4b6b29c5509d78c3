import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { gatewayClient } from '../gateway-client.ts'
import { readValidFiles } from '../gateway-manifests.ts'
import { offlineConfiguration } from '../gateway-offline.ts'
import { type GatewayStatus, isHealthy, statusText } from '../gateway-status-text.ts'

const schema = 'tidemill.gateway-status.v1'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags } = invocation
  const paths = flags.strings('file')
  if (paths.length > 0) {
    const { objects } = await readValidFiles(paths)
    const configuration = offlineConfiguration(objects, flags)
    return show(invocation, { revision: 0, objects: configuration.status(), sockets: [] })
  }
  const client = await gatewayClient(invocation)
  if (!flags.boolean('watch'))
    return show(invocation, await client.get<GatewayStatus>('/v1/status'))
  for await (const { data } of client.stream('/v1/status?watch=1')) {
    const status = data as GatewayStatus
    out.record(schema, status, `${statusText(status, out).join('\n')}\n`)
  }
  return exitCode.ok
}

function show({ out }: Invocation, status: GatewayStatus): number {
  if (out.json) out.document(schema, status)
  else for (const line of statusText(status, out)) out.line(line)
  return isHealthy(status) ? exitCode.ok : exitCode.failure
}
