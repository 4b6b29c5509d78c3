import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after } from 'node:test'
import { openDatabase } from '@tidemill/sql'
import { databaseContract } from '@tidemill/sql/testing'

const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-sql-'))
after(() => rmSync(folder, { recursive: true, force: true }))
let serial = 0

databaseContract('sqlite file', (options) =>
  openDatabase({ ...options, url: `sqlite:${path.join(folder, `${serial++}.db`)}` }),
)
databaseContract('sqlite file with readers', (options) =>
  openDatabase({ ...options, url: `sqlite:${path.join(folder, `${serial++}.db`)}`, readers: 2 }),
)
databaseContract('sqlite in memory', (options) =>
  openDatabase({ ...options, url: 'sqlite::memory:' }),
)
