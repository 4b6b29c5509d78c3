import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openSqlite } from '@tidemill/core/sqlite'
import { openKv } from '@tidemill/kv'
import { defineBench } from './lib/bench.ts'

const callers = 256
const keys = 10_000
const value = new Uint8Array(100).fill(0x78)

/** The peer: one upsert per transaction on node:sqlite in this thread, without revisions or history. */
function upserts(file: string): (seconds: number) => number {
  const db = openSqlite(file)
  db.exec('CREATE TABLE pair (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID')
  const upsert = db.prepare('INSERT OR REPLACE INTO pair VALUES (?, ?)')
  return (seconds) => {
    let puts = 0
    const started = performance.now()
    while (performance.now() < started + seconds * 1000) {
      upsert.run(Buffer.from(`key/${puts % keys}`), value)
      puts++
    }
    return (puts / (performance.now() - started)) * 1000
  }
}

export const bench = defineBench({
  name: 'kv-embedded',
  about: `${callers} callers putting 100 bytes each through the public API, SQLite with synchronous=FULL`,
  claims: [
    { id: 'puts', about: 'on this disk', unit: 'puts/s', target: { atLeast: 100_000 } },
    {
      id: 'ratio',
      about: 'against one bare upsert per transaction on node:sqlite',
      unit: 'x',
      target: { atLeast: 5 },
    },
  ],
  async run(ctx) {
    const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-bench-'))
    const kv = await openKv({ url: `sqlite:${path.join(folder, 'kv.db')}` })
    const measured = async (seconds: number): Promise<number> => {
      let puts = 0
      const started = performance.now()
      const caller = async (): Promise<void> => {
        while (performance.now() < started + seconds * 1000) {
          await kv.put(`key/${puts % keys}`, value)
          puts++
        }
      }
      await Promise.all(Array.from({ length: callers }, caller))
      return (puts / (performance.now() - started)) * 1000
    }
    const bare = upserts(path.join(folder, 'bare.db'))
    const lanes = await ctx.alternate({
      measure: 'rate',
      unit: 'puts/s',
      rounds: 3,
      lanes: { 'kv, grouped': () => measured(1), 'bare upserts': () => bare(1) },
    })
    ctx.value('puts', lanes['kv, grouped'])
    ctx.ratio('ratio', lanes['kv, grouped'], lanes['bare upserts'])
    const { commits, writes } = await kv.status()
    ctx.note(`${Math.round(writes / commits)} puts per commit`)
    await kv.close()
    rmSync(folder, { recursive: true })
  },
})
