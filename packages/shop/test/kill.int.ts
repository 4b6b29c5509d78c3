import { openShop } from '@tidemill/shop'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { it } from 'node:test'
import { tempDir } from './support.ts'

const rounds = 6

/** Runs the writer until it has acknowledged `enough` orders, then kills it `afterMs` later; gives the ids. */
async function writeAndKill(
  dataDir: string,
  first: number,
  enough: number,
  afterMs: number,
): Promise<string[]> {
  const script = path.join(import.meta.dirname, 'fixtures/order-writer.ts')
  const child = spawn(process.execPath, [...process.execArgv, script, dataDir, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  let killing: NodeJS.Timeout | undefined
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (killing !== undefined || text.split('\n').length <= enough) return
    killing = setTimeout(() => child.kill('SIGKILL'), afterMs)
  })
  const signal = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (_code, killedBy) => resolve(killedBy))
  })
  assert.equal(signal, 'SIGKILL')
  return text.split('\n').slice(0, -1)
}

it('loses and doubles nothing when it is killed again and again under load', async (t) => {
  const dataDir = tempDir(t)
  const acknowledged: string[] = []
  for (let round = 0; round < rounds; round++) {
    const afterMs = Math.floor(Math.random() * 150)
    acknowledged.push(...(await writeAndKill(dataDir, 1 + round * 1_000_000, 5, afterMs)))
  }
  assert.ok(acknowledged.length >= rounds * 5)
  const shop = await openShop({ dataDir, provider: { declineRatio: 0.1, delay: '5ms', seed: 3 } })
  try {
    await shop.idle()
    const { confirmed, compensated, stuck } = await shop.outcome(acknowledged)
    assert.deepEqual([confirmed + compensated, stuck], [acknowledged.length, 0])
    assert.deepEqual(
      (await shop.invariants()).filter((invariant) => !invariant.holds),
      [],
    )
  } finally {
    await shop.close()
  }
})
