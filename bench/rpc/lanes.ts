/** Servers and clients of the rpc benches as processes of their own, one core each. */
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { binaries } from '../../scripts/engines/require.ts'
import { freePort } from '../../scripts/engines/start.ts'
import { finish, serve, type Serving } from '../../scripts/lib/child.ts'
import { parseGoReport } from './go-report.ts'
import type { LoadResult } from './load.ts'

const cores = os.availableParallelism()
const serverCore = cores > 1 ? 0 : undefined
const clientCore = cores > 1 ? 1 : undefined

/** Of a slice under any client. */
export const warmupMs = 1000
export const measureMs = 3000

/** For a bench's notes. */
export const pinning: string =
  cores > 1 ? 'servers on core 0, clients on core 1' : 'one core for everything: ratios mean little'

function program(name: string, args: readonly string[]): readonly string[] {
  return [...process.execArgv, path.join(import.meta.dirname, name), ...args]
}

function pinned(core: number | undefined): { readonly core?: number } {
  return core === undefined ? {} : { core }
}

/** Starts a server program of this folder. */
export async function nodeServer(name: string, args: readonly string[] = []): Promise<Serving> {
  const port = await freePort()
  const all = program(name, ['--port', `${port}`, ...args])
  return serve(process.execPath, all, port, pinned(serverCore))
}

/** grpc-go's benchmark server; it listens on all interfaces. */
export async function goServer(): Promise<Serving> {
  const port = await freePort()
  const { 'benchmark-server': file = '' } = binaries('grpc')
  const args = [`-port=${port}`, `-test_name=${profile('server')}`]
  const server = await serve(file, args, port, pinned(serverCore))
  await removeProfiles('server')
  return server
}

/** Runs a client program of this folder; what it prints is JSON. */
export async function nodeClient<T = LoadResult>(
  name: string,
  args: readonly string[],
): Promise<T> {
  const all = program(name, args)
  const run = await finish(process.execPath, all, { timeoutMs: 120_000, ...pinned(clientCore) })
  if (run.code !== 0) throw new Error(`${name} ended with ${run.code}\n${run.stderr}`)
  return JSON.parse(run.stdout) as T
}

/** grpc-go's benchmark client: `concurrency` callers on one connection, 1-byte payloads. */
export async function goClient(port: number, concurrency: number): Promise<LoadResult> {
  const { 'benchmark-client': file = '' } = binaries('grpc')
  const calls = [`-port=${port}`, `-r=${concurrency}`, '-c=1', '-req=1', '-resp=1']
  const time = [
    `-w=${warmupMs / 1000}`,
    `-d=${measureMs / 1000}`,
    `-test_name=${profile('client')}`,
  ]
  const run = await finish(file, [...calls, ...time], { timeoutMs: 60_000, ...pinned(clientCore) })
  await removeProfiles('client')
  if (run.code !== 0) throw new Error(`grpc-go's client ended with ${run.code}\n${run.stderr}`)
  return parseGoReport(run.stdout)
}

/** User and system time that a process has used, microseconds. */
export function cpuMicros(pid: number): number {
  // Fields 14 and 15, in ticks of 10 ms; the name in field 2 may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** Both Go programs insist on writing profiles below /tmp. */
function profile(role: string): string {
  return `tidemill-bench-${process.pid}-${role}`
}

async function removeProfiles(role: string): Promise<void> {
  for (const kind of ['cpu', 'mem']) await rm(`/tmp/${profile(role)}.${kind}`, { force: true })
}
