import assert from 'node:assert/strict'
import path from 'node:path'
import { Writable } from 'node:stream'
import { it } from 'node:test'
import { run } from '@tidemill/cli'
import { errorTables } from '../lib/error-tables.ts'

const root = path.join(import.meta.dirname, '..', '..')

interface Catalogue {
  readonly data: { readonly errors: readonly { readonly code: string; readonly system: string }[] }
}

async function catalogue(): Promise<Catalogue['data']['errors']> {
  let text = ''
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  }) as unknown as NodeJS.WriteStream
  const code = await run(['errors', '--json'], {
    stdout: sink,
    stderr: sink,
    env: {},
    signal: new AbortController().signal,
  })
  assert.equal(code, 0, text)
  return (JSON.parse(text) as Catalogue).data.errors
}

it('`tidemill errors` knows every code of every table of the packages, and no other', async () => {
  const files = await errorTables(root)
  assert.ok(files.length > 10)
  const wanted = files.flatMap(({ tables }) =>
    tables.flatMap(({ rows, system }) => Object.keys(rows).map((code) => ({ code, system }))),
  )
  const known = (await catalogue()).map(({ code, system }) => ({ code, system }))
  assert.deepEqual(
    known,
    wanted.toSorted((a, b) => (a.code < b.code ? -1 : 1)),
  )
})
