import { resolve } from 'node:path'
import {
  type Clock,
  type Duration,
  type Logger,
  parseDuration,
  type Problem,
  realClock,
  silentLogger,
  TidemillError,
} from '@tidemill/core'
import type { Database } from './database.ts'
import { sqlErrors } from './errors.ts'
import { openSqliteDatabase, type SqliteOptions } from './sqlite/engine.ts'

export interface OpenOptions {
  /** `sqlite:./data/orders.db` (relative to the working directory), `sqlite:/abs/x.db` or `sqlite::memory:`. */
  readonly url: string
  /** Where `tx.now` and the time caps come from. Default: the machine's clock. */
  readonly clock?: Clock
  /** Hears of a file that stops taking writes, of a dead thread and of listeners that throw. Default: nobody. */
  readonly logger?: Logger
  /** The most calls that may wait for a flush; one more is refused with TM_SQL_OVERLOADED. Default 10,000. */
  readonly queueLimit?: number
  /** Reader threads for {@link Database.query}; with 0 queries take turns with the flushes. Default 0. */
  readonly readers?: number
  /** The longest that {@link Database.tx} may hold the writer. Default `'30s'`. */
  readonly txLimit?: Duration
}

/**
 * Opens a database. A SQLite file belongs to one process: a second one gets TM_SQLITE_OWNED. Rejects with
 * TM_SQL_OPTIONS (every problem at once) or the TM_SQLITE_ code of why the file cannot be used.
 */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  return openSqliteDatabase({ ...readOptions(options), faults: null })
}

/** The options checked and completed. */
export function readOptions(options: OpenOptions): Omit<SqliteOptions, 'faults'> {
  const problems: Problem[] = []
  const { url, queueLimit = 10_000, readers = 0, txLimit = '30s' } = options
  const file = fileOf(url, problems)
  const whole = (name: string, value: number, from: number, to: number): void => {
    if (Number.isInteger(value) && value >= from && value <= to) return
    const expected = `a whole number from ${from} to ${to}`
    problems.push({ path: `/${name}`, message: 'out of range', received: String(value), expected })
  }
  whole('queueLimit', queueLimit, 1, 1_000_000)
  whole('readers', readers, 0, 64)
  if (readers > 0 && file === ':memory:') {
    problems.push({ path: '/readers', message: 'a database in memory has no readers' })
  }
  let txLimitMs = 0
  try {
    txLimitMs = parseDuration(txLimit, '/txLimit')
  } catch (error) {
    const message = TidemillError.is(error) ? error.text : String(error)
    problems.push({ path: '/txLimit', message, received: txLimit })
  }
  if (problems.length > 0) {
    const summary = problems.map(({ path, message }) => `${path} ${message}`).join('; ')
    throw sqlErrors.error('TM_SQL_OPTIONS', { summary, problems })
  }
  return {
    url,
    file,
    clock: options.clock ?? realClock,
    logger: options.logger ?? silentLogger,
    queueLimit,
    readers,
    txLimitMs,
  }
}

function fileOf(url: string, problems: Problem[]): string {
  const [scheme, file] = /^([a-z]+):(.+)$/su.exec(url)?.slice(1) ?? []
  if (scheme === 'sqlite' && file !== undefined && !file.includes('\0')) {
    if (file === ':memory:') return file
    // Absolute from here on: readers open the file later, when the working directory may be another.
    return resolve(file.startsWith('///') ? file.slice(2) : file)
  }
  const expected = 'sqlite:PATH or sqlite::memory:'
  problems.push({ path: '/url', message: 'no engine for this URL', received: url, expected })
  return ''
}
