import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Account, accountOf } from './account.ts'
import { findEngine } from './cache.ts'
import type { Binaries, Engine, StartOptions } from './engine.ts'
import { run } from './run.ts'

export interface RunningEngine extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The second port, for engines that serve something there (Envoy's admin). */
  readonly auxPort: number
  readonly pid: number
  readonly binaries: Binaries
  /** The end of what the server printed. */
  log(): string
  /** Stops it, gently and then not, and removes its folder. */
  stop(): Promise<void>
}

const readyMs = 60_000
const stopMs = 15_000

/** A port on 127.0.0.1 that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
}

/** Starts an installed engine on a free port, in a temporary folder, and waits until it serves. */
export async function startEngine(
  engine: Engine,
  options: Pick<StartOptions, 'config'> = {},
): Promise<RunningEngine> {
  const { server } = engine
  const binaries = findEngine(engine)
  if (server === undefined) throw new TypeError(`${engine.name} is not a server`)
  if (binaries === undefined) throw new Error(`${engine.name} is not installed`)
  const dir = await mkdtemp(path.join(os.tmpdir(), `tidemill-${engine.name}-`))
  const [port, auxPort] = [await freePort(), await freePort()]
  const start: StartOptions = { ...options, dir, port, auxPort }
  const account = accountOf(server.user)
  let child: ChildProcess | undefined
  let log = ''
  try {
    for (const step of server.prepare?.(binaries, start) ?? []) {
      giveTo(account, dir)
      await run(step.file, step.args, { cwd: dir, ...account })
    }
    const command = server.start(binaries, start)
    giveTo(account, dir)
    child = spawn(command.file, command.args, {
      cwd: dir,
      env: { ...process.env, ...command.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...account,
    })
    const keep = (chunk: Buffer): void => {
      log = (log + chunk.toString()).slice(-8000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    child.on('error', (error) => {
      log += error.message
    })
    await untilReady(child, () => server.ready(binaries, start))
  } catch (error) {
    await end(child)
    await rm(dir, { recursive: true, force: true })
    throw new Error(`${engine.name} did not start\n${log}`, { cause: error })
  }
  const started = child
  const stop = async (): Promise<void> => {
    await end(started)
    await rm(dir, { recursive: true, force: true })
  }
  return {
    url: server.url(port),
    port,
    auxPort,
    pid: started.pid ?? 0,
    binaries,
    log: () => log,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function giveTo(account: Account | undefined, dir: string): void {
  if (account === undefined) return
  chownSync(dir, account.uid, account.gid)
  for (const file of readdirSync(dir)) chownSync(path.join(dir, file), account.uid, account.gid)
}

async function untilReady(child: ChildProcess, ready: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + readyMs
  while (true) {
    if (hasEnded(child) || child.pid === undefined) throw new Error('the process ended')
    if (await ready().catch(() => false)) return
    if (performance.now() > deadline) throw new Error(`not ready after ${readyMs / 1000} s`)
    await delay(50)
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child?.pid === undefined || hasEnded(child)) return
  const ended = new Promise((resolve) => {
    child.once('exit', resolve)
  })
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
  await ended
  clearTimeout(timer)
}
