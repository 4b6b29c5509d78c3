import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { it } from 'node:test'
import { openKv, prefix, text } from '@tidemill/kv'

const writer = path.join(import.meta.dirname, 'fixtures/writer.ts')

/** Runs the writer until it has acknowledged so many puts, kills it, and gives what it had acknowledged. */
async function writeAndKill(url: string, acks: number): Promise<Map<string, number>> {
  const child = spawn(process.execPath, [...process.execArgv, writer, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const acknowledged = new Map<string, number>()
  const ended = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    // The last line may have been cut by the kill.
    const [key, revision, end] = line.split(' ')
    if (key !== undefined && end === 'ok') acknowledged.set(key, Number(revision))
    if (acknowledged.size >= acks && !child.killed) child.kill('SIGKILL')
  }
  await ended
  return acknowledged
}

it('every acknowledged put survives kill -9, at the revision that was told', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemill-kv-'))
  const url = `sqlite:${folder}/kv.db`
  try {
    const all = new Map<string, number>()
    for (const acks of [50, 700, 3000]) {
      for (const [key, revision] of await writeAndKill(url, acks)) all.set(key, revision)
      const kv = await openKv({ url, history: 'all' })
      const { kvs, revision } = await kv.range(prefix('put/'))
      const found = new Map(kvs.map((one) => [text(one.key), one.modRevision]))
      for (const [key, told] of all) assert.equal(found.get(key), told, key)
      // Whole transactions only: each pair was put together.
      const pairs = await kv.range(prefix('pair/'))
      const revisions = new Set(pairs.kvs.map((one) => one.modRevision))
      assert.equal(pairs.count, revisions.size * 2)
      const replay = kv.watch(prefix('', { allowAll: true }), { from: 2, delivery: 'each' })
      const seen: number[] = []
      for await (const batch of replay) {
        seen.push(...batch.changes.map((change) => change.revisions[1]))
        if (batch.revision >= revision) break
      }
      assert.deepEqual(
        [...new Set(seen)],
        Array.from({ length: revision - 1 }, (_, i) => i + 2),
      )
      await kv.close()
    }
    assert.ok(all.size >= 3750)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
