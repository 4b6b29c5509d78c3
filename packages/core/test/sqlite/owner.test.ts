import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { acquireOwner } from '@tidemill/core/sqlite'

function inFolder(run: (folder: string) => void): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-owner-'))
  try {
    run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function isOwned(file: string): (error: unknown) => boolean {
  return (error) =>
    TidemillError.is(error, 'TM_SQLITE_OWNED') &&
    error.details['pid'] === process.pid &&
    error.details['file'] === file
}

test('a second owner in the same process is refused until the first lets go', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'x.db')
    const owner = acquireOwner(file)
    assert.throws(() => acquireOwner(file), isOwned(file))
    assert.throws(() => acquireOwner(file), isOwned(file))
    owner.release()
    acquireOwner(file).release()
  })
})

test('a file has one owner whichever name it is reached by', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'x.db')
    writeFileSync(file, '')
    const other = path.join(folder, 'link.db')
    symlinkSync(file, other)
    const owner = acquireOwner(file)
    assert.throws(() => acquireOwner(other), isOwned(other))
    owner.release()
  })
})

test('a link whose target does not exist yet has the owner of its target', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'x.db')
    const hop = path.join(folder, 'hop.db')
    const other = path.join(folder, 'link.db')
    symlinkSync('x.db', hop)
    symlinkSync(hop, other)
    const owner = acquireOwner(other)
    assert.throws(() => acquireOwner(file), isOwned(file))
    owner.release()
  })
})

test('links that lead in a circle are refused', () => {
  inFolder((folder) => {
    const one = path.join(folder, 'one.db')
    symlinkSync('two.db', one)
    symlinkSync('one.db', path.join(folder, 'two.db'))
    assert.throws(
      () => acquireOwner(one),
      (error) => TidemillError.is(error, 'TM_SQLITE_CANTOPEN'),
    )
  })
})

test('an owner file that cannot be used is named', () => {
  inFolder((folder) => {
    const file = path.join(folder, 'x.db')
    writeFileSync(`${file}.owner`, 'no database'.repeat(1000))
    assert.throws(
      () => acquireOwner(file),
      (error) =>
        TidemillError.is(error, 'TM_SQLITE_CORRUPT') && error.details['file'] === `${file}.owner`,
    )
    const below = path.join(`${file}.owner`, 'y.db')
    assert.throws(
      () => acquireOwner(below),
      (error) => TidemillError.is(error, 'TM_SQLITE_CANTOPEN'),
    )
  })
})
