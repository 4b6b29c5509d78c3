import { openTestDatabase } from '@tidemill/sql/testing'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as B from './sql-group-commit.ts'
const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-prof-'))
const fs = Number(process.env.FS ?? 0)
const db = await openTestDatabase({
  url: `sqlite:${folder}/x.db`,
  faults: fs ? { fsyncDelayMs: fs } : {},
})
await db.migrate('bench', [{ id: 1, name: 's', up: { sqlite: B.schema } }])
const { grouped } = B
const { monitorEventLoopDelay } = await import('node:perf_hooks')
for (let i = 0; i < 4; i++) {
  const h = monitorEventLoopDelay({ resolution: 1 })
  const c0 = process.cpuUsage()
  const r = await grouped(db, 1.5, h)
  const c = process.cpuUsage(c0)
  console.log(
    Math.round(r),
    'p99',
    (h.percentile(99) / 1e6).toFixed(2),
    'cpu us/call',
    ((c.user + c.system) / (r * 1.5)).toFixed(2),
  )
}
const st = db.status()
console.log(st.calls / st.commits, 'calls per commit')
await db.close()
rmSync(folder, { recursive: true })
