import { createVirtualClock, realRandom, silentLogger } from '@tidemill/core'
import { billHeader, openProvider, type Provider, providerMigrations } from '@tidemill/shop'
import { openDatabase } from '@tidemill/sql'
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { newDir } from '../support.ts'

const asked = { key: 'saga/charge', reference: 'order-1', amount: 500, currency: 'GBP' }

async function open(
  t: TestContext,
  dataDir: string,
  options: { declineRatio?: number; seed?: number } = {},
  clock = createVirtualClock(Date.parse('2026-03-01T23:59:00Z')),
): Promise<Provider> {
  const database = await openDatabase({ url: `sqlite:${path.join(dataDir, 'p.db')}`, clock })
  t.after(async () => {
    await database.close()
    rmSync(dataDir, { recursive: true })
  })
  await database.migrate('provider', providerMigrations)
  const context = { clock, random: realRandom, logger: silentLogger, dataDir }
  return openProvider(database, context, { delay: '0s', declineRatio: 0, ...options })
}

describe('provider', () => {
  it('repeats its answer for a repeated key', async (t) => {
    const provider = await open(t, newDir())
    const charge = await provider.charge(asked)
    assert.deepEqual(await provider.charge(asked), charge)
    const refund = await provider.refund({ ...asked, key: 'saga/refund' })
    assert.deepEqual(await provider.refund({ ...asked, key: 'saga/refund' }), refund)
    assert.deepEqual([charge?.kind, refund.kind], ['charge', 'refund'])
    assert.equal((await provider.bills())[0]?.entries, 2)
  })

  it('declines the same orders for the same seed, in the share asked for', async (t) => {
    const provider = await open(t, newDir(), { declineRatio: 0.3, seed: 6 })
    const again = await open(t, newDir(), { declineRatio: 0.3, seed: 6 })
    let declined = 0
    for (let i = 0; i < 200; i++) {
      const request = { ...asked, key: `k${i}`, reference: `o${i}` }
      const answer = await provider.charge(request)
      assert.equal((await again.charge(request)) === null, answer === null)
      if (answer === null) declined++
    }
    assert.ok(declined > 35 && declined < 85, `${declined} of 200`)
  })

  it('pays back what went through when a charge is undone, once', async (t) => {
    const provider = await open(t, newDir())
    await provider.charge(asked)
    const undone = await provider.undo(asked)
    assert.deepEqual(
      undone.map((entry) => [entry.kind, entry.amount]),
      [
        ['charge', 500],
        ['refund', 500],
      ],
    )
    assert.deepEqual(await provider.undo(asked), undone)
    assert.equal((await provider.bills())[0]?.entries, 2)
  })

  it('declines a charge that comes after it was undone', async (t) => {
    const provider = await open(t, newDir())
    assert.deepEqual(await provider.undo(asked), [])
    assert.equal(await provider.charge(asked), null)
    assert.deepEqual(await provider.bills(), [])
  })

  it('bills each day in a file of its own, by its own clock', async (t) => {
    const dataDir = newDir()
    const clock = createVirtualClock(Date.parse('2026-03-01T23:59:00Z'))
    const provider = await open(t, dataDir, {}, clock)
    await provider.charge(asked)
    await clock.advance(120_000)
    await provider.charge({ ...asked, key: 'b', reference: 'order-2' })
    const bills = await provider.bills()
    assert.deepEqual(
      bills.map((bill) => path.relative(dataDir, bill.path)),
      ['bills/settlement-2026-03-01.csv', 'bills/settlement-2026-03-02.csv'],
    )
    assert.equal(
      readFileSync(bills[0]?.path ?? '', 'utf8'),
      `${billHeader}\nPV0000000001,order-1,charge,500,GBP,2026-03-01T23:59:00.000Z\n`,
    )
  })

  it('writes the bill that a crash or a hand took away', async (t) => {
    const dataDir = newDir()
    const provider = await open(t, dataDir)
    await provider.charge(asked)
    const [bill] = await provider.bills()
    assert.ok(bill)
    rmSync(bill.path)
    await provider.bills()
    assert.ok(existsSync(bill.path))
  })
})
