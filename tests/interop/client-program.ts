/** What `client.ts` runs. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { binaries } from '../../scripts/engines/require.ts'
import { unknownName } from '../../scripts/lib/nearest.ts'
import type { Caller } from './caller.ts'
import type { SoakOptions } from './cases/soak.ts'
import { cases } from './cases/table.ts'
import type { Endpoint } from './implementations/endpoint.ts'
import { grpcJsCaller } from './implementations/grpc-js-client.ts'
import { ourCaller } from './implementations/our-client.ts'

/** No case takes longer: soaks have their own, shorter limit. */
const caseMs = 60_000

const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true, default: [] },
    port: { type: 'string' },
    host: { type: 'string', default: '127.0.0.1' },
    transport: { type: 'string', default: 'ours' },
    tls: { type: 'boolean', default: false },
    ca: { type: 'string' },
    'server-name': { type: 'string', default: 'foo.test.google.fr' },
    soak_iterations: { type: 'string', default: '10' },
    soak_max_failures: { type: 'string', default: '0' },
    soak_per_iteration_max_acceptable_latency_ms: { type: 'string', default: '1000' },
    soak_overall_timeout_seconds: { type: 'string', default: '10' },
    soak_min_time_ms_between_rpcs: { type: 'string', default: '0' },
    soak_request_size: { type: 'string', default: '271828' },
    soak_response_size: { type: 'string', default: '314159' },
    soak_num_threads: { type: 'string', default: '1' },
  },
})

const connectors: Readonly<Record<string, (endpoint: Endpoint) => Caller>> = {
  ours: (endpoint) => ourCaller(endpoint, 'native'),
  node: (endpoint) => ourCaller(endpoint, 'node'),
  'grpc-js': grpcJsCaller,
}

const soak: SoakOptions = {
  iterations: Number(values.soak_iterations),
  maxFailures: Number(values.soak_max_failures),
  acceptableMs: Number(values.soak_per_iteration_max_acceptable_latency_ms),
  overallTimeoutMs: Number(values.soak_overall_timeout_seconds) * 1000,
  minMsBetween: Number(values.soak_min_time_ms_between_rpcs),
  requestSize: Number(values.soak_request_size),
  responseSize: Number(values.soak_response_size),
  threads: Number(values.soak_num_threads),
}

function target(): Endpoint {
  const { host, port, tls, 'server-name': serverName } = values
  if (!tls) return { host, port: Number(port), tls: undefined }
  const ca = readFileSync(values.ca ?? binaries('grpc')['ca.pem'] ?? '', 'utf8')
  return { host, port: Number(port), tls: { ca, serverName } }
}

async function runCase(name: string, connect: () => Caller): Promise<boolean> {
  const caller = connect()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${caseMs} ms`)), caseMs)
  })
  try {
    await Promise.race([cases[name]?.({ caller, connect, soak }), late])
    console.log(`ok ${name}`)
    return true
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    console.log(`not ok ${name}: ${reason.replaceAll(/\s*\n\s*/gu, '; ')}`)
    return false
  } finally {
    clearTimeout(timer)
    await caller.close()
  }
}

const connector = connectors[values.transport]
const unknown = values.case.find((name) => !(name in cases))
if (values.port === undefined || values.case.length === 0) {
  console.error('needs --port N and --case NAME; the names are:')
  console.error(`  ${Object.keys(cases).join('\n  ')}`)
  process.exitCode = 2
} else if (connector === undefined) {
  console.error(unknownName('transport', values.transport, Object.keys(connectors)))
  process.exitCode = 2
} else if (unknown !== undefined) {
  console.error(unknownName('case', unknown, Object.keys(cases)))
  process.exitCode = 2
} else {
  const endpoint = target()
  for (const name of values.case) {
    if (!(await runCase(name, () => connector(endpoint)))) process.exitCode = 1
  }
}
