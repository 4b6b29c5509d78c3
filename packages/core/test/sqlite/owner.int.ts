import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { acquireOwner } from '@tidemill/core/sqlite'

const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-owner-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const program = `
  import { acquireOwner } from '@tidemill/core/sqlite'
  try {
    acquireOwner(process.argv[1])
    process.stdout.write('owner')
    process.stdin.resume()
  } catch (error) {
    process.stdout.write(error.code + ' ' + error.details.pid)
  }
`

interface Contender {
  readonly child: ChildProcess
  readonly said: string
}

async function contend(file: string): Promise<Contender> {
  const args = process.execArgv.filter((arg) => arg.startsWith('--conditions'))
  const child = spawn(process.execPath, [...args, '--input-type=module', '-e', program, file], {
    cwd: import.meta.dirname,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, said: said.toString() }
}

test('another process is refused with the owner pid, and takes over after kill -9', async () => {
  const file = path.join(folder, 'a.db')
  const first = await contend(file)
  assert.equal(first.said, 'owner')
  const second = await contend(file)
  assert.equal(second.said, `TM_SQLITE_OWNED ${first.child.pid}`)
  assert.throws(
    () => acquireOwner(file),
    (error) => TidemillError.is(error) && error.details['pid'] === first.child.pid,
  )
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  acquireOwner(file).release()
})

test('of many processes that start at once exactly one becomes the owner', async () => {
  const file = path.join(folder, 'b.db')
  const contenders = await Promise.all(Array.from({ length: 6 }, () => contend(file)))
  const owners = contenders.filter(({ said }) => said === 'owner')
  const refused = contenders.filter(({ said }) => said.startsWith('TM_SQLITE_OWNED'))
  for (const { child } of contenders) child.kill('SIGKILL')
  assert.deepEqual([owners.length, refused.length], [1, 5])
})
