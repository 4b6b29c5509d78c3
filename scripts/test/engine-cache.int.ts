import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

// The cache's folder and the PATH come from the environment, which a test in a shared process must not change.
const program = `
import { engineFolder, findEngine, installEngine } from '${path.join(import.meta.dirname, '..', 'engines', 'cache.ts')}'
const engine = { name: 'broken', about: '', version: '1', source: { kind: 'golang', module: process.argv[1], programs: { a: './a' } } }
const before = engineFolder(engine)
const installed = await installEngine(engine).then(() => 'yes', (error) => error.message)
console.log(JSON.stringify({ before, installed, found: findEngine(engine) !== undefined }))
`

test('a failed installation leaves nothing, and another recipe is another folder', (t) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'tidemill-engines-'))
  t.after(() => rmSync(root, { recursive: true }))
  const [bin, cache, module] = ['bin', 'cache', 'module'].map((name) => path.join(root, name))
  for (const folder of [bin, module]) mkdirSync(folder ?? '')
  // A go command that fails half-way.
  const fake = '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho half > "$2.part"\nexit 7\n'
  writeFileSync(path.join(bin ?? '', 'go'), fake, { mode: 0o755 })
  const attempt = (mod: string): { before: string; installed: string; found: boolean } => {
    writeFileSync(path.join(module ?? '', 'go.mod'), mod)
    const args = ['--input-type=module-typescript', '--eval', program, module ?? '']
    const env = { ...process.env, TIDEMILL_ENGINES: cache, PATH: `${bin}:${process.env['PATH']}` }
    const out = execFileSync(process.execPath, args, { encoding: 'utf8', env })
    return JSON.parse(out) as ReturnType<typeof attempt>
  }
  const one = attempt('module one\n')
  const two = attempt('module two\n')
  assert.match(one.installed, /^go build .* ended with 7/u)
  assert.equal(one.found, false)
  assert.notEqual(one.before, two.before)
  assert.ok(existsSync(cache ?? ''))
  assert.deepEqual(readdirSync(cache ?? ''), [])
})
