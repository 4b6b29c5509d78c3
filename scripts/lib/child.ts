/** Programs that judges and benches start on loopback: peers of ours, and ours in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** The one core that it may use, by `taskset`; without it any. */
  readonly core?: number
}

export interface Finished {
  /** Null when it was killed. */
  readonly code: number | null
  readonly stdout: string
  /** The end of stderr. */
  readonly stderr: string
}

export interface Serving extends AsyncDisposable {
  readonly port: number
  readonly pid: number
  /** The end of what it printed. */
  log(): string
  /** SIGTERM, and SIGKILL when that takes more than 3 s. */
  stop(): Promise<void>
}

const readyMs = 20_000
const stopMs = 3000

function begin(file: string, args: readonly string[], options: ChildOptions): ChildProcess {
  const pinned = options.core === undefined ? [] : ['taskset', '-c', String(options.core)]
  const [command = file, ...rest] = [...pinned, file, ...args]
  return spawn(command, rest, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Runs a program to its end; kills it after `timeoutMs`. Never throws for what the program did. */
export function finish(
  file: string,
  args: readonly string[],
  options: ChildOptions & { readonly timeoutMs: number },
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = begin(file, args, options)
    let stdout = ''
    let stderr = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-8000)
    })
    const timer = setTimeout(() => {
      stderr += `\nkilled after ${options.timeoutMs} ms`
      child.kill('SIGKILL')
    }, options.timeoutMs)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr })
    })
  })
}

/** Starts a server on a port and waits until it accepts there. */
export async function serve(
  file: string,
  args: readonly string[],
  port: number,
  options: ChildOptions = {},
): Promise<Serving> {
  const child = begin(file, args, options)
  let log = ''
  const keep = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-8000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.on('error', (error) => {
    log += error.message
  })
  const ended = (): boolean =>
    child.pid === undefined || child.exitCode !== null || child.signalCode !== null
  const stop = async (): Promise<void> => {
    if (ended()) return
    const exit = new Promise((resolve) => {
      child.once('exit', resolve)
    })
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs)
    await exit
    clearTimeout(timer)
  }
  const deadline = performance.now() + readyMs
  while (!(await accepts(port))) {
    if (ended() || performance.now() > deadline) {
      await stop()
      throw new Error(`${file} ${args.join(' ')} did not start\n${log}`)
    }
    await delay(20)
  }
  return { port, pid: child.pid ?? 0, log: () => log, stop, [Symbol.asyncDispose]: stop }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port })
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
