import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Invocation } from '../command.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { readValidFiles } from '../gateway-manifests.ts'
import { offlineConfiguration } from '../gateway-offline.ts'
import { Replay, type Replayed } from '../gateway-replay.ts'
import { count, progressBar } from '../render/progress-bar.ts'
import { renderTable } from '../render/table.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags, signal } = invocation
  const log = flags.string('log')
  if (log === undefined) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: '`gateway replay` needs --log',
      suggestion: 'Record one with `tidemill gateway run --access-log access.log`.',
    })
  }
  const { objects } = await readValidFiles(flags.strings('file'))
  const size = log === '-' ? undefined : await sizeOf(log)
  const replay = new Replay(offlineConfiguration(objects, flags), flags.number('limit') ?? 20)
  const input = log === '-' ? process.stdin : createReadStream(log)
  let bytes = 0
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    signal.throwIfAborted()
    bytes += line.length + 1
    if (line !== '') replay.take(line)
    if (replay.lines % 20_000 === 0) {
      const bar = size === undefined ? `${count(replay.lines)} lines` : progressBar(bytes, size)
      out.status(bar)
    }
  }
  out.status('')
  const result = replay.result()
  if (out.json) out.document('tidemill.gateway-replay.v1', result)
  else for (const line of replayText(result)) out.line(line)
  if (result.requests === 0) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: `${log} holds no request of a JSON access log`,
      suggestion: 'Record one with `tidemill gateway run --access-log access.log`.',
    })
  }
  return result.rerouted === 0 ? exitCode.ok : exitCode.failure
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: `the log ${file} cannot be read: ${(error as Error).message}`,
      suggestion: 'Name the access log of a gateway with --log FILE.',
    })
  }
}

function replayText(result: Replayed): string[] {
  const { requests, rerouted, skipped, moves, examples } = result
  const lines = [
    `${count(rerouted)} of ${count(requests)} requests would be routed otherwise${skipped === 0 ? '' : `; ${count(skipped)} lines were no requests`}`,
  ]
  if (rerouted === 0) return lines
  const rows = moves.slice(0, 20).map((move) => [count(move.requests), move.from, move.to])
  const columns = [
    { title: 'REQUESTS', align: 'right' as const },
    { title: 'NOW' },
    { title: 'THEN' },
  ]
  lines.push('', ...renderTable(columns, rows), '')
  if (moves.length > 20) lines.push(`and ${moves.length - 20} more moves`, '')
  for (const one of examples)
    lines.push(`line ${one.line}: ${one.method} ${one.url}: ${one.from} -> ${one.to}`)
  return lines
}
