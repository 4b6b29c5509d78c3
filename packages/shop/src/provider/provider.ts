import { existsSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import path from 'node:path'
import { type Closable, crc32, parseDuration } from '@tidemill/core'
import type { Database } from '@tidemill/sql'
import { makeFolder, writing } from '../files.ts'
import type { ServiceContext } from '../service-context.ts'
import {
  type ChargeInput,
  closeCharge,
  decideCharge,
  decideRefund,
  entryOf,
  noteBill,
  type ProviderEntry,
  type ProviderRequest,
  type RequestRow,
} from './provider-program.ts'

export interface ProviderOptions {
  /** Share of charges that are declined, 0 to 1; default 0.02. Decided by seed and order id, so repeats agree. */
  readonly declineRatio?: number
  /** Longest usual answer time, for example '2ms'; one answer of a hundred takes ten times as long. Default '2ms'. */
  readonly delay?: string
  readonly seed?: number
}

/**
 * Stands in for a payment provider: another company with its own books. It declines and delays by seed, repeats its
 * answer for a repeated key, and writes a bill per day: `bills/settlement-YYYY-MM-DD.csv`.
 *
 * The books are the truth and a bill is made from them: whole, in a temporary file, synced and renamed. So a bill is
 * never torn and never says what did not happen, whenever the process dies; what it lacks is added when it is asked
 * for, or when the provider is opened again.
 */
export interface Provider extends Closable {
  readonly database: Database
  charge(request: ProviderRequest, signal?: AbortSignal): Promise<ProviderEntry | null>
  refund(request: ProviderRequest, signal?: AbortSignal): Promise<ProviderEntry>
  undo(request: ProviderRequest, signal?: AbortSignal): Promise<readonly ProviderEntry[]>
  /** Brings the bills up to date and gives their paths by day. */
  bills(): Promise<readonly Bill[]>
}

export interface Bill {
  readonly day: string
  readonly path: string
  readonly entries: number
}

/** First line of a bill. */
export const billHeader = 'transaction_id,merchant_reference,kind,amount,currency,created_at'

interface BillDay {
  readonly day: string
  readonly entries: number
  readonly written: number | null
}

/** Opens the provider on a database that has {@link providerMigrations}; closing that stays with the caller. */
export async function openProvider(
  database: Database,
  { clock, dataDir }: ServiceContext,
  options: ProviderOptions = {},
): Promise<Provider> {
  const declineRatio = options.declineRatio ?? 0.02
  const longest = parseDuration(options.delay ?? '2ms', '/provider/delay')
  const seed = options.seed ?? 1
  const folder = path.join(dataDir, 'bills')
  await makeFolder(folder)
  const chance = (what: string, key: string): number =>
    crc32(Buffer.from(`${seed}/${what}/${key}`)) / 2 ** 32
  const delay = async (key: string, signal: AbortSignal | undefined): Promise<void> => {
    const share = chance('delay', key)
    const ms = longest * (share < 0.99 ? share : 10)
    if (ms >= 1) await clock.sleep(ms, signal === undefined ? {} : { signal })
  }

  let last: Promise<readonly Bill[]> | undefined
  const writeBills = async (): Promise<readonly Bill[]> => {
    const days = await database.query<BillDay>(
      `SELECT day, count(*) AS entries,
          (SELECT entries FROM provider_bill WHERE provider_bill.day = provider_request.day) AS written
        FROM provider_request WHERE outcome = 'approved' GROUP BY day ORDER BY day`,
    )
    const bills: Bill[] = []
    for (const { day, entries, written } of days) {
      const file = path.join(folder, `settlement-${day}.csv`)
      if (written !== entries || !existsSync(file)) {
        const count = await writing(file, () => writeBill(database, day, file))
        await database.call(noteBill, { day, entries: count })
        bills.push({ day, path: file, entries: count })
      } else {
        bills.push({ day, path: file, entries })
      }
    }
    return bills
  }

  const provider: Provider = {
    database,
    async charge(request, signal) {
      await delay(request.key, signal)
      const decline = chance('decline', request.reference) < declineRatio
      return database.call(decideCharge, { ...request, decline } satisfies ChargeInput)
    },
    async refund(request, signal) {
      await delay(request.key, signal)
      return database.call(decideRefund, request)
    },
    async undo(request, signal) {
      await delay(request.key, signal)
      return database.call(closeCharge, request)
    },
    bills() {
      // One writer at a time: callers that come meanwhile wait for it and write what it missed.
      const next = (last ?? Promise.resolve()).then(writeBills, writeBills)
      last = next
      return next
    },
    async close() {
      await provider.bills()
    },
    [Symbol.asyncDispose]: () => provider.close(),
  }
  await provider.bills()
  return provider
}

function billLine(row: RequestRow): string {
  const { id, reference, kind, amount, currency, at } = entryOf(row)
  return `${id},${reference},${kind},${amount},${currency},${new Date(at).toISOString()}\n`
}

/** Writes the bill of a day and gives the number of its entries. */
async function writeBill(database: Database, day: string, file: string): Promise<number> {
  const temporary = `${file}.tmp`
  const handle = await open(temporary, 'w')
  let entries = 0
  try {
    // Not handle.write, which may write a part only when the disk is almost full.
    await handle.appendFile(`${billHeader}\n`)
    for (let after = 0; ; ) {
      const rows = await database.query<RequestRow>(
        `SELECT id, kind, outcome, reference, amount, currency, at FROM provider_request
          WHERE day = ? AND id > ? AND outcome = 'approved' ORDER BY id LIMIT 5000`,
        day,
        after,
      )
      const last = rows.at(-1)
      if (last === undefined) break
      await handle.appendFile(rows.map(billLine).join(''))
      entries += rows.length
      after = last.id
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  // The name must be on the disk before the books say that the bill is written.
  const folder = await open(path.dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
  return entries
}
