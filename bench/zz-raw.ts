import { isMainThread, Worker } from 'node:worker_threads'
import { openSqlite } from '@tidemill/core/sqlite'
import { schema } from './sql-group-commit.ts'
import fs from 'node:fs'
function go(
  label: string,
  o: {
    idblob?: boolean
    ret?: boolean
    ckpt?: number
    noidx?: boolean
    sp?: boolean
    page?: number
  },
) {
  const d = fs.mkdtempSync('/tmp/raw-')
  const db = openSqlite(d + '/x.db')
  if (o.page) {
    db.exec('PRAGMA journal_mode=DELETE')
    db.exec('PRAGMA page_size=' + o.page)
    db.exec('VACUUM')
    db.exec('PRAGMA journal_mode=WAL')
  }
  if (o.ckpt) db.exec('PRAGMA wal_autocheckpoint=' + o.ckpt)
  for (const s of schema) db.exec(o.idblob ? s.replace('id TEXT NOT', 'id BLOB NOT') : s)
  const p = (s: string) => db.prepare(s)
  const begin = p('BEGIN IMMEDIATE'),
    commit = p('COMMIT'),
    sp = p('SAVEPOINT tm'),
    rel = p('RELEASE tm')
  const up = p(
    'INSERT INTO stream VALUES (?, ?, 1) ON CONFLICT (tenant, stream) DO UPDATE SET version = version + 1' +
      (o.ret ? ' RETURNING version' : ''),
  )
  const rv = p('SELECT version FROM stream WHERE tenant = ? AND stream = ?')
  const np = p(
    'UPDATE seq SET position = position + 1 WHERE shard = 0' + (o.ret ? ' RETURNING position' : ''),
  )
  const rp = p('SELECT position FROM seq WHERE shard = 0')
  for (const s of [up, rv, np, rp]) s.setReturnArrays(true)
  const ins = p('INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const data = 'x'.repeat(208)
  let n = 0,
    tStmt = 0,
    tCommit = 0
  const t00 = performance.now()
  while (performance.now() - t00 < 2500) {
    const t0 = performance.now()
    begin.run()
    for (let i = 0; i < 256; i++) {
      n++
      const stream = 'order-' + (n >> 2)
      if (o.sp) sp.run()
      let v: any, pos: any
      if (o.ret) {
        v = (up.get('main', stream) as any)[0]
        pos = (np.get() as any)[0]
      } else {
        up.run('main', stream)
        v = (rv.get('main', stream) as any)[0]
        np.run()
        pos = (rp.get() as any)[0]
      }
      const id = `0199a3c0-5f00-7000-8000-${String(n).padStart(12, '0')}`
      ins.run(
        pos,
        'main',
        stream,
        v,
        o.idblob ? Buffer.from(id.replaceAll('-', ''), 'hex') : id,
        'OrderPlaced',
        data,
        1700000000000,
      )
      if (o.sp) rel.run()
    }
    const t1 = performance.now()
    commit.run()
    const t2 = performance.now()
    tStmt += t1 - t0
    tCommit += t2 - t1
  }
  console.log(
    label.padEnd(30),
    Math.round(n / 2.5),
    '/s; stmt us',
    ((tStmt / n) * 1000).toFixed(2),
    'commit us/ev',
    ((tCommit / n) * 1000).toFixed(2),
    'wal',
    fs.statSync(d + '/x.db-wal').size >> 10,
    'KiB',
  )
  db.close()
  fs.rmSync(d, { recursive: true })
}
for (let k = 0; k < 3; k++) {
  go((isMainThread ? 'main ' : 'worker ') + 'sp', { sp: true })
}
if (isMainThread) new Worker(new URL(import.meta.url))
