import { createVirtualClock, TidemillError, type VirtualClock } from '@tidemill/core'
import { openShop, type Shop } from '@tidemill/shop'
import { openTestDatabase, type TestDatabase } from '@tidemill/sql/testing'
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { apiOf, assertSound, newDir, place, sampleOrder, startShop, tempDir } from './support.ts'

/** A provider that answers later than anybody waits; its books stay empty. */
const silent = { declineRatio: 0, delay: '100000s', seed: 1 }
const prompt = { declineRatio: 0, delay: '0s' }

/** Moves the clock on until `done`; every look is a round trip to the database, which gives its thread time. */
async function advanceUntil(clock: VirtualClock, done: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (await done()) return
    await clock.advance(5000)
  }
  assert.fail('it did not happen within hours')
}

/** A shop of which one order is stuck: the provider answers neither the charge nor its undoing. */
async function openStuck(
  dataDir: string,
): Promise<{ readonly shop: Shop; readonly clock: VirtualClock }> {
  const clock = createVirtualClock(Date.parse('2026-03-01T09:00:00Z'))
  const shop = await openShop({ dataDir, clock, provider: silent })
  await place(apiOf(shop), 's1')
  await advanceUntil(clock, async () => (await shop.sagas.counts()).stuck > 0)
  return { shop, clock }
}

const room = { maxPages: 1_000_000_000 }

interface FaultyShop {
  readonly shop: Shop
  readonly clock: VirtualClock
  readonly databases: ReadonlyMap<string, TestDatabase>
}

/** A shop on databases with faults on demand, on a clock of its own. */
async function startFaulty(t: TestContext): Promise<FaultyShop> {
  const databases = new Map<string, TestDatabase>()
  const clock = createVirtualClock(Date.parse('2026-03-01T09:00:00Z'))
  const { shop } = await startShop(t, {
    clock,
    async openDatabase(options) {
      const database = await openTestDatabase(options)
      databases.set(path.basename(options.url, '.db'), database)
      return database
    },
  })
  return { shop, clock, databases }
}

describe('an order that nobody can finish', () => {
  it('is stuck in the page, the counts and the list, and ends when the provider answers again', async (t) => {
    const dataDir = newDir()
    const { shop, clock } = await openStuck(dataDir)
    try {
      const api = apiOf(shop)
      const { body } = await api.call('GET', '/orders/s1')
      assert.deepEqual([body.state, body.saga.state], ['stuck', 'stuck'])
      const counts = { placed: 1, pending: 0, confirmed: 0, cancelled: 0, stuck: 1 }
      assert.deepEqual(await shop.counts(), counts)
      const [latest] = await shop.latest(5)
      assert.deepEqual([latest?.state, latest?.sagaState], ['stuck', 'stuck'])
      assert.deepEqual(await shop.outcome(['s1']), { confirmed: 0, compensated: 0, stuck: 1 })
      const cancel = await api.call('POST', '/orders/s1/cancel')
      assert.equal(cancel.status, 202)
      const ended = (await shop.invariants()).find((one) => one.name === 'all sagas ended')
      assert.equal(ended?.holds, false)
    } finally {
      await shop.close()
    }
    clock.step(3_600_000)
    const later = createVirtualClock(clock.now())
    const { shop: again } = await startShop(t, { dataDir, provider: prompt, clock: later })
    await advanceUntil(later, async () => (await again.counts()).cancelled === 1)
    await advanceUntil(later, async () => (await again.sagas.counts()).open === 0)
    assert.deepEqual(await again.counts(), {
      placed: 1,
      pending: 0,
      confirmed: 0,
      cancelled: 1,
      stuck: 0,
    })
    const followed = await again.order('s1')
    assert.deepEqual([followed?.payments, followed?.refunds], [[], []])
    await settled(again, later)
    await assertSound(again)
  })
})

describe('a full disk', () => {
  it('refuses orders with a code, writes nothing by halves, and takes them when there is room', async (t) => {
    const { shop, clock, databases } = await startFaulty(t)
    const api = apiOf(shop)
    await place(api, 'before')
    await settled(shop, clock)
    await databases.get('order')?.setFaults({ maxPages: 1 })
    const lines = Array.from({ length: 500 }, () => ({ ...sampleOrder.lines[0] }))
    const order = { ...sampleOrder, id: 'full', lines }
    const refused = await api.call('POST', '/orders', order, { key: 'full' })
    assert.deepEqual([refused.status, refused.body.code], [507, 'TM_SQLITE_FULL'])
    assert.equal(refused.headers.get('content-type'), 'application/problem+json')
    assert.equal((await api.call('GET', '/orders/full')).status, 404)
    assert.equal((await api.call('GET', '/orders/before')).body.state, 'confirmed')
    await databases.get('order')?.setFaults(room)
    await advanceUntil(clock, async () => {
      const answer = await api.call('POST', '/orders', order, { key: 'full' })
      assert.ok([202, 503, 507].includes(answer.status))
      return answer.status === 202
    })
    await settled(shop, clock)
    assert.equal((await shop.counts()).confirmed, 2)
    await assertSound(shop)
  })

  it('of the ledger loses no money: the charge it could not book is paid back once there is room', async (t) => {
    const { shop, clock, databases } = await startFaulty(t)
    await databases.get('payment')?.setFaults({ maxPages: 1 })
    const ids = Array.from({ length: 60 }, (_, i) => `m${i}`)
    for (const id of ids) await place(apiOf(shop), id)
    await advanceUntil(clock, async () => (await shop.sagas.counts()).stuck > 0)
    // The provider charged all of them, whatever the ledger knows of it.
    const billed = (await shop.statements()).reduce((sum, bill) => sum + bill.entries, 0)
    assert.ok(billed >= ids.length)
    await databases.get('payment')?.setFaults(room)
    await settled(shop, clock)
    const { confirmed, compensated, stuck } = await shop.outcome(ids)
    assert.equal(stuck, 0)
    assert.equal(confirmed + compensated, ids.length)
    assert.ok(compensated > 0)
    const followed = await shop.order('m59')
    assert.deepEqual(
      followed?.payments.map((payment) => payment.kind),
      ['charge', 'refund'],
    )
    await assertSound(shop)
  })
})

describe('a data folder', () => {
  it('that cannot be written to is named with a code', async (t) => {
    const unwritable = async (dataDir: string): Promise<void> => {
      await assert.rejects(openShop({ dataDir, provider: prompt }), (error) =>
        TidemillError.is(error, 'TM_SHOP_DATA_UNWRITABLE'),
      )
    }
    const dir = tempDir(t)
    writeFileSync(path.join(dir, 'file'), '')
    await unwritable(path.join(dir, 'file'))
    await unwritable(path.join(dir, 'file', 'below'))
    const data = path.join(dir, 'data')
    mkdirSync(data)
    writeFileSync(path.join(data, 'bills'), '')
    await unwritable(data)
    rmSync(path.join(data, 'bills'))
    await (await openShop({ dataDir: data, provider: prompt })).close()
  })

  it('whose bill cannot be replaced keeps the books, and the bill is written when it can be', async (t) => {
    const { shop, api } = await startShop(t)
    await place(api, 'b1')
    await shop.idle()
    const [bill] = await shop.statements()
    assert.ok(bill)
    await place(api, 'b2')
    await shop.idle()
    rmSync(bill.path)
    mkdirSync(bill.path)
    await assert.rejects(shop.statements(), (error) =>
      TidemillError.is(error, 'TM_SHOP_DATA_UNWRITABLE'),
    )
    rmSync(bill.path, { recursive: true })
    await shop.statements()
    assert.equal(readFileSync(bill.path, 'utf8').trimEnd().split('\n').length, 3)
    await assertSound(shop)
  })
})

describe('refunds at once', () => {
  it('give back no unit twice, whatever parts, wholes and repeats meet', async (t) => {
    const { shop, api } = await startShop(t)
    const work: Promise<unknown>[] = []
    for (let i = 0; i < 12; i++) {
      await place(api, `r${i}`)
      const where = `/orders/r${i}/cancel`
      const part = { lines: [{ sku: 'TM-MUG', quantity: 2 }] }
      const rope = { lines: [{ sku: 'TM-ROPE', quantity: 1 }] }
      for (const [body, key] of [
        [part, 'a'],
        [part, 'a'],
        [part, 'b'],
        [rope, 'c'],
        ...(i % 2 === 0
          ? ([
              [undefined, 'd'],
              [undefined, undefined],
            ] as const)
          : []),
      ] as const) {
        work.push(
          api.call('POST', where, body, key === undefined ? {} : { key }).then((answer) => {
            assert.ok([200, 202, 409].includes(answer.status), JSON.stringify(answer.body))
          }),
        )
      }
      if (i % 3 === 0) await shop.idle()
    }
    await Promise.all(work)
    await shop.idle()
    for (let i = 0; i < 12; i++) {
      const followed = await shop.order(`r${i}`)
      const wanted = i % 2 === 0 ? 3 * 895 + 2 * 650 : 2 * 895 + 650
      assert.equal(followed?.order.refunded, wanted, `r${i}`)
    }
    await assertSound(shop)
  })
})

/** Waits for what follows the sagas (read models), with the clock moving on. */
async function settled(shop: Shop, clock: VirtualClock): Promise<void> {
  let done = false
  const idle = shop.idle().then(() => {
    done = true
  })
  await advanceUntil(clock, async () => {
    await shop.counts()
    return done
  })
  await idle
}
