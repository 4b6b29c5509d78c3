import { parseDuration, realClock } from '@tidemill/core'
import type { RuntimeSnapshot } from '@tidemill/gateway/admin'
import { TidemillError } from '@tidemill/core'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { gatewayClient } from '../gateway-client.ts'
import { plural } from '../render/plural.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags, signal } = invocation
  const client = await gatewayClient(invocation)
  const graceMs = parseDuration(flags.string('grace') ?? '5s', '--grace')
  const timeoutMs = parseDuration(flags.string('timeout') ?? '30s', '--timeout')
  const before = await client.get<RuntimeSnapshot>('/v1/snapshot')
  const open = openText(before)
  if (flags.boolean('dry-run')) {
    if (out.json)
      out.document('tidemill.gateway-drain.v1', { dryRun: true, connections: before.connections })
    else out.line(`would drain: ${open}`)
    return exitCode.ok
  }
  out.note(`draining: ${open}`)
  await client.send('POST', '/v1/drain', { graceMs, timeoutMs })
  const started = realClock.monotonic()
  let last = before
  for (;;) {
    await realClock.sleep(250, { signal })
    try {
      last = await client.get<RuntimeSnapshot>('/v1/snapshot')
    } catch (error) {
      // It ends when it is done: nobody answers any more.
      if (signal.aborted || !TidemillError.is(error, 'TM_CLI_GATEWAY_UNREACHABLE')) throw error
      break
    }
    out.status(`draining: ${openText(last)}`)
  }
  out.status('')
  const seconds = (realClock.monotonic() - started) / 1000
  if (out.json) out.document('tidemill.gateway-drain.v1', { dryRun: false, seconds })
  else out.line(`drained in ${seconds.toFixed(1)} s`)
  return exitCode.ok
}

function openText({ connections }: RuntimeSnapshot): string {
  const all = connections.http1 + connections.http2 + connections.streams
  return `${plural(connections.requests, 'request')} on ${plural(all, 'connection')}`
}
