import assert from 'node:assert/strict'
import { it } from 'node:test'
import { assertSound, sampleOrder, startShop } from './support.ts'

it('audits a shop whose orders are all as large as they may be', async (t) => {
  const { shop, api } = await startShop(t)
  const line = { sku: 'TM-MUG', description: 'x'.repeat(256), quantity: 1, unitPrice: 1 }
  const lines = Array.from({ length: 2000 }, () => line)
  // Together more than one result of the database may hold.
  for (let i = 0; i < 110; i++) {
    const order = { ...sampleOrder, id: `large-${i}`, lines }
    assert.equal((await api.call('POST', '/orders', order, { key: `k${i}` })).status, 202)
  }
  await shop.idle()
  await assertSound(shop)
  assert.equal((await shop.counts()).confirmed, 110)
})
