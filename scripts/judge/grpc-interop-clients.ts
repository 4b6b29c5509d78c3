import path from 'node:path'
import { binaries } from '../engines/require.ts'
import { finish } from '../lib/child.ts'
import { parseCaseLines } from './case-lines.ts'
import type { CaseResult } from './suite.ts'

const root = path.join(import.meta.dirname, '..', '..')
const serverName = 'foo.test.google.fr'
const caseMs = 40_000
const soak = ['--soak_iterations=100', '--soak_num_threads=4', '--soak_overall_timeout_seconds=30']

/** Runs the cases against the server on the port; results carry the case's bare name. */
export type RunCases = (
  names: readonly string[],
  port: number,
  tls: boolean,
) => Promise<readonly CaseResult[]>

/** Finds the installed wheels, and writes no bytecode beside our scripts. */
export function pythonEnvironment(): Readonly<Record<string, string>> {
  const file = binaries('grpcio')['grpc/__init__.py'] ?? ''
  return { PYTHONPATH: path.dirname(path.dirname(file)), PYTHONDONTWRITEBYTECODE: '1' }
}

async function goCase(name: string, port: number, tls: boolean): Promise<CaseResult> {
  const { 'interop-client': client = '', 'ca.pem': ca = '' } = binaries('grpc')
  const balancer = '{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}'
  const secure = ['--use_tls', '--use_test_ca', `--ca_file=${ca}`]
  const args = [
    '--server_host=127.0.0.1',
    `--server_port=${port}`,
    `--test_case=${name}`,
    `--service_config_json=${balancer}`,
    ...soak,
    ...(tls ? [...secure, `--server_host_override=${serverName}`] : []),
  ]
  const { code, stderr } = await finish(client, args, { timeoutMs: caseMs })
  const detail = `exit ${code}: ${stderr.trim().split('\n').slice(-3).join('; ')}`
  return code === 0 ? { id: name, passed: true } : { id: name, passed: false, detail }
}

export const goClient: RunCases = async (names, port, tls) => {
  const results: CaseResult[] = []
  for (const name of names) results.push(await goCase(name, port, tls))
  return results
}

export const pythonClient: RunCases = async (names, port, tls) => {
  const script = path.join(root, 'tests', 'interop', 'python', 'client.py')
  const secure = ['--ca', binaries('grpc')['ca.pem'] ?? '', '--server-name', serverName]
  const args = [script, '--port', `${port}`, ...(tls ? secure : []), ...names]
  const env = pythonEnvironment()
  const { stdout, stderr } = await finish('python3', args, { timeoutMs: 2 * caseMs, env })
  return parseCaseLines(names, stdout, stderr)
}

/** Our client on one of its transports, or grpc-js with the same cases. */
export function nodeClient(transport: 'ours' | 'node' | 'grpc-js'): RunCases {
  return async (names, port, tls) => {
    const script = path.join(root, 'tests', 'interop', 'client.ts')
    const args = [...process.execArgv, script, '--port', `${port}`, '--transport', transport]
    const wanted = names.flatMap((name) => ['--case', name])
    const all = [...args, ...(tls ? ['--tls'] : []), ...soak, ...wanted]
    const { stdout, stderr } = await finish(process.execPath, all, { timeoutMs: 3 * caseMs })
    return parseCaseLines(names, stdout, stderr)
  }
}
