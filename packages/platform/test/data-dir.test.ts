import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { openDataDir } from '../src/data-dir.ts'

describe('openDataDir', () => {
  it('makes a temporary folder and removes it on close', async () => {
    const dir = await openDataDir(undefined)
    assert.ok(existsSync(dir.path))
    assert.equal(dir.kept, false)
    await dir.close()
    assert.equal(existsSync(dir.path), false)
  })
  it('keeps a named folder, making it when needed, and refuses one that is a file', async () => {
    const base = await mkdtemp(path.join(os.tmpdir(), 'tidemill-dir-'))
    try {
      const dir = await openDataDir(path.join(base, 'a', 'b'))
      await dir.close()
      assert.ok(existsSync(path.join(base, 'a', 'b')))
      await writeFile(path.join(base, 'file'), '')
      await assert.rejects(openDataDir(path.join(base, 'file')), { code: 'TM_PLATFORM_DATA_DIR' })
    } finally {
      await rm(base, { recursive: true })
    }
  })
})
