import { existsSync } from 'node:fs'
import { readdir, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { TidemillError } from '@tidemill/core'
import { createAdminClient } from './admin-client.ts'
import type * as SqliteModule from '@tidemill/core/sqlite'
import type { Overview } from '@tidemill/platform/documents'

/** One thing that was looked at. `note` is neither good nor bad. */
export interface Check {
  readonly name: string
  readonly state: 'ok' | 'note' | 'problem'
  readonly text: string
  readonly hint?: string
}

export interface CheckOptions {
  readonly url: string
  /** True when the address was given, so that nobody answering there is a problem. */
  readonly urlGiven: boolean
  readonly dataDir: string | undefined
  readonly signal: AbortSignal
}

const leastFreeBytes = 512 * 1024 * 1024

export async function runChecks(options: CheckOptions): Promise<readonly Check[]> {
  const platform = await checkPlatform(options)
  return [
    checkNode(),
    checkMemory(),
    await checkDisk(options.dataDir ?? os.tmpdir()),
    platform,
    ...(platform.state === 'ok' ? [] : [await checkPort(7070), await checkPort(7080)]),
    ...(options.dataDir === undefined ? [] : await checkDatabases(options.dataDir)),
  ]
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const good = major > 24 || (major === 24 && minor >= 11)
  return {
    name: 'node',
    state: good ? 'ok' : 'problem',
    text: `Node.js ${process.versions.node}, SQLite ${process.versions['sqlite'] ?? 'built in'}`,
    ...(good ? {} : { hint: 'Use Node.js 24.11 or newer.' }),
  }
}

function checkMemory(): Check {
  const free = os.freemem()
  const low = free < 256 * 1024 * 1024
  return {
    name: 'memory',
    state: low ? 'problem' : 'ok',
    text: `${Math.round(free / 1024 / 1024)} MiB free of ${Math.round(os.totalmem() / 1024 / 1024)} MiB`,
    ...(low ? { hint: 'Free some memory before starting the platform.' } : {}),
  }
}

async function checkDisk(folder: string): Promise<Check> {
  let existing = path.resolve(folder)
  while (!existsSync(existing)) existing = path.dirname(existing)
  const { bavail, bsize } = await statfs(existing)
  const free = bavail * bsize
  const low = free < leastFreeBytes
  return {
    name: 'disk',
    state: low ? 'problem' : 'ok',
    text: `${(free / 1024 ** 3).toFixed(1)} GiB free at ${existing}`,
    ...(low
      ? {
          hint: 'A full disk makes the stores read-only: make room, or name another folder with --data.',
        }
      : {}),
  }
}

async function checkPort(port: number): Promise<Check> {
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
  return {
    name: `port ${port}`,
    state: free ? 'ok' : 'problem',
    text: free ? 'free' : 'taken by another program',
    ...(free ? {} : { hint: 'Run `tidemill up --port auto`, or stop the program that holds it.' }),
  }
}

async function checkPlatform(options: CheckOptions): Promise<Check> {
  try {
    const client = createAdminClient(options.url, options.signal)
    const { health, version } = await client.get<Overview>('/api/v1/overview')
    const text = `tidemill ${version} at ${options.url} is ${health.state}`
    if (health.state === 'ok') return { name: 'platform', state: 'ok', text }
    const reasons = health.reasons.map((reason) => reason.text).join('; ')
    return {
      name: 'platform',
      state: 'problem',
      text: `${text}: ${reasons}`,
      hint: 'Look at `tidemill status`.',
    }
  } catch (error) {
    if (!TidemillError.is(error)) throw error
    return {
      name: 'platform',
      state: options.urlGiven ? 'problem' : 'note',
      text: error.text,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    }
  }
}

/** Opens every database of a folder read-only and asks SQLite whether it is whole. */
async function checkDatabases(folder: string): Promise<Check[]> {
  const { openSqlite } = await import('@tidemill/core/sqlite')
  let names: string[]
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith('.db'))
  } catch {
    return [
      { name: 'data', state: 'problem', text: `${folder} cannot be read`, hint: 'Check --data.' },
    ]
  }
  if (names.length === 0)
    return [{ name: 'data', state: 'note', text: `${folder} holds no database yet` }]
  return names.map((name) => checkDatabase(path.join(folder, name), name, openSqlite))
}

type OpenSqlite = typeof SqliteModule.openSqlite

function checkDatabase(file: string, name: string, openSqlite: OpenSqlite): Check {
  try {
    const connection = openSqlite(file, { readOnly: true })
    try {
      const row = connection.prepare('PRAGMA quick_check(1)').get()
      const answer = String(row?.['quick_check'] ?? 'no answer')
      if (answer === 'ok') return { name: 'data', state: 'ok', text: `${name} is whole` }
      const hint = `Stop the platform and restore ${file} from a backup.`
      return { name: 'data', state: 'problem', text: `${name} is damaged: ${answer}`, hint }
    } finally {
      connection.close()
    }
  } catch (error) {
    if (!TidemillError.is(error))
      return { name: 'data', state: 'problem', text: `${name}: ${String(error)}` }
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    return { name: 'data', state: 'problem', text: `${name}: ${error.text}`, ...hint }
  }
}
