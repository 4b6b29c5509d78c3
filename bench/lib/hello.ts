import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { HelloStats } from '../peers/hello-counter.ts'

/** A hello server in a process of its own, on the first core. */
export class Hello {
  readonly #child: ChildProcess
  readonly port: number

  constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
  }

  /** `program` is a file of `bench/peers`. */
  static async start(program: string, kind: 'ours' | 'node'): Promise<Hello> {
    const script = path.join(import.meta.dirname, '..', 'peers', program)
    const args = ['-c', '0', process.execPath, ...process.execArgv, script, kind]
    const child = spawn('taskset', args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const [port] = (await once(child, 'message')) as [number]
    return new Hello(child, port)
  }

  /** What it did since the last call. */
  async stats(): Promise<HelloStats> {
    const answer = once(this.#child, 'message')
    this.#child.send('stats')
    const [stats] = (await answer) as [HelloStats]
    return stats
  }

  stop(): void {
    this.#child.disconnect()
  }
}
