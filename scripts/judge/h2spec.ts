import { readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { binaries } from '../engines/require.ts'
import { freePort } from '../engines/start.ts'
import { finish, serve } from '../lib/child.ts'
import { parseH2specReport } from './h2spec-report.ts'
import type { CaseResult, Suite } from './suite.ts'

const root = path.join(import.meta.dirname, '..', '..')

/** With `--strict`, which adds one case to the 145 of the plain run. */
const cases = 146

/** Programs that take `--port N [--tls]` and answer every request. */
const targets = {
  '': path.join('http2', 'hello-server.ts'),
  'gateway-': path.join('gateway', 'hello-gateway.ts'),
} as const

/** Every case over one kind of connection to one target; ids begin with both. */
async function runOver(
  target: keyof typeof targets,
  wire: 'h2c' | 'tls',
): Promise<readonly CaseResult[]> {
  const prefix = `${target}${wire}/`
  const { h2spec = '' } = binaries('h2spec')
  const port = await freePort()
  const hello = [...process.execArgv, path.join(root, 'tests', targets[target])]
  const tls = wire === 'tls'
  await using server = await serve(
    process.execPath,
    [...hello, '--port', `${port}`, ...(tls ? ['--tls'] : [])],
    port,
  )
  const report = path.join(os.tmpdir(), `tidemill-h2spec-${port}.xml`)
  const at = ['--host', '127.0.0.1', '--port', `${server.port}`, '--timeout', '2']
  const args = [...at, '--strict', '--junit-report', report]
  const run = await finish(h2spec, tls ? [...args, '--tls', '--insecure'] : args, {
    timeoutMs: 400_000,
  })
  const text = await readFile(report, 'utf8').catch(() => '')
  await rm(report, { force: true })
  const results = parseH2specReport(text, prefix)
  const ran = {
    id: `${prefix}all ${cases} cases ran`,
    passed: results.length === cases,
    detail: `${results.length} ran; h2spec ended with ${run.code}; ${run.stderr}${server.log()}`,
  }
  return ran.passed ? results : [...results, ran]
}

export const h2spec: Suite = {
  name: 'h2spec',
  system: 'http2 and gateway',
  source: 'github.com/summerwind/h2spec v2.2.1',
  engines: ['h2spec'],
  notClaimed: {},
  async run(progress) {
    const results: CaseResult[] = []
    for (const target of ['', 'gateway-'] as const) {
      for (const wire of ['h2c', 'tls'] as const) {
        progress(`${target}${wire}`)
        results.push(...(await runOver(target, wire)))
      }
    }
    return results
  },
}
