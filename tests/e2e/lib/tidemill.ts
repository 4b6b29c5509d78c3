import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../../packages/cli/src/main.ts', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
}

/** Starts the command as a process of its own; it is killed when the test ends, if it still runs. */
export function start(t: Pick<TestContext, 'after'>, ...args: readonly string[]): Started {
  const child = spawn(process.execPath, ['--conditions=@tidemill/source', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  const texts = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (texts.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()))
  const finished = once(child, 'close').then(() => ({ code: child.exitCode, ...texts }))
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await finished
  })
  return { child, finished }
}

/** Runs the command to its end. */
export function tidemill(
  t: Pick<TestContext, 'after'>,
  ...args: readonly string[]
): Promise<Finished> {
  return start(t, ...args).finished
}

/** Runs with --json and gives the document's data; fails when the exit code is another. */
export async function json<T>(
  t: Pick<TestContext, 'after'>,
  args: readonly string[],
  code = 0,
): Promise<T> {
  const run = await tidemill(t, ...args, '--json')
  assert.equal(run.code, code, `tidemill ${args.join(' ')}: ${run.stderr}`)
  return (JSON.parse(run.stdout) as { readonly data: T }).data
}

export interface Up extends Started {
  readonly console: string
  readonly gateway: string
  readonly pid: number
}

/** Starts `tidemill up` on free ports and resolves when it is ready. */
export async function up(t: Pick<TestContext, 'after'>, ...args: readonly string[]): Promise<Up> {
  const started = start(t, 'up', '--port', 'auto', '--json', ...args)
  const { stdout } = started.child
  assert.ok(stdout)
  const lines = createInterface({ input: stdout })
  const first = await Promise.race([
    once(lines, 'line').then(([line]) => line as string),
    started.finished.then(({ stderr }) => Promise.reject(new Error(`up ended: ${stderr}`))),
  ])
  const { schema, data } = JSON.parse(first) as {
    readonly schema: string
    readonly data: { console: string; gateway: string; pid: number }
  }
  assert.equal(schema, 'tidemill.up.v1')
  return { ...started, ...data }
}

/** A folder that goes away with the test. */
export function temporaryFolder(t: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tidemill-e2e-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Asks again and again until the answer is there; fails after `seconds`. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  seconds = 20,
): Promise<T> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > end) throw new Error(`${what} did not happen within ${seconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
