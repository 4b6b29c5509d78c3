import { TidemillError } from '@tidemill/core'
import {
  planSynthetic,
  readRetailFile,
  type ReplayPlan,
  syntheticCatalogue,
  syntheticCsv,
  syntheticItemsToSend,
} from '@tidemill/shop'
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { realWeek, tempDir } from '../support.ts'

const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n'
const good = '536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n'

function fileOf(t: TestContext, name: string, content: string | Uint8Array): string {
  const file = path.join(tempDir(t), name)
  writeFileSync(file, content)
  return file
}

async function errorOf(work: Promise<unknown>): Promise<TidemillError> {
  try {
    await work
  } catch (error) {
    assert.ok(TidemillError.is(error), String(error))
    return error
  }
  return assert.fail('it should have been refused')
}

describe('retail files', () => {
  it('reads a CSV and a gzip of it alike, whatever the line ends', async (t) => {
    const text = syntheticCsv(300)
    const plain = await readRetailFile(fileOf(t, 'a.csv', text))
    const zipped = await readRetailFile(fileOf(t, 'a.csv.gz', gzipSync(text)))
    const crlf = await readRetailFile(fileOf(t, 'b.csv', text.replaceAll('\n', '\r\n')))
    assert.deepEqual(zipped, plain)
    assert.deepEqual(crlf, plain)
    assert.deepEqual(plain.items, planSynthetic(300).items)
    assert.equal(plain.tally.invoices.read, 300)
  })

  it('refuses a file with malformed rows before anything is sent, naming each', async (t) => {
    const bad = good.replace('2.55', 'free')
    const file = fileOf(t, 'bad.csv', `${header}${good}${bad}${good}536366,71053\n`)
    const error = await errorOf(readRetailFile(file))
    assert.equal(error.code, 'TM_SHOP_CSV_INVALID')
    assert.deepEqual(
      [error.details['line'], error.details['column'], error.details['count']],
      [3, 43, 2],
    )
    const problems = error.details['problems'] as { line: number; path: string }[]
    assert.deepEqual(
      problems.map(({ line, path: where }) => [line, where]),
      [
        [3, '/UnitPrice'],
        [5, ''],
      ],
    )
  })

  it('skips and counts malformed rows when told to', async (t) => {
    const file = fileOf(t, 'bad.csv', `${header}${good}536366,71053\n`)
    const plan = await readRetailFile(file, { malformed: 'skip' })
    assert.deepEqual(plan.tally.lines.skippedBy, { 'malformed-row': 1 })
    assert.equal(plan.tally.lines.read, 2)
    assert.equal(plan.malformed[0]?.line, 3)
  })

  it('refuses a file without the header, an empty one too', async (t) => {
    assert.equal(
      (await errorOf(readRetailFile(fileOf(t, 'a.csv', good)))).code,
      'TM_SHOP_CSV_INVALID',
    )
    assert.equal(
      (await errorOf(readRetailFile(fileOf(t, 'b.csv', '')))).code,
      'TM_SHOP_CSV_INVALID',
    )
  })

  it('says why a file cannot be read: missing, a folder, a torn gzip', async (t) => {
    const torn = gzipSync(syntheticCsv(200)).subarray(0, 2000)
    for (const file of [
      path.join(tempDir(t), 'none.csv'),
      tempDir(t),
      fileOf(t, 'torn.csv.gz', torn),
      fileOf(t, 'plain.csv.gz', header),
    ]) {
      const error = await errorOf(readRetailFile(file))
      assert.equal(error.code, 'TM_SHOP_FILE_UNREADABLE', file)
      assert.equal(error.details['file'], file)
      assert.ok(String(error.details['reason']).length > 3)
    }
  })

  it('accounts for every line of the real week', async (t) => {
    const file = realWeek() ?? fileOf(t, 'week.csv', syntheticCsv(700))
    const { items, tally }: ReplayPlan = await readRetailFile(file)
    const { invoices, lines } = tally
    assert.equal(invoices.read, invoices.orders + invoices.cancellations + invoices.skipped)
    assert.equal(lines.read, lines.used + lines.skipped)
    assert.equal(items.length, invoices.orders + invoices.cancellations)
    if (realWeek() === undefined) return
    assert.deepEqual([invoices.read, invoices.orders, invoices.cancellations], [707, 550, 19])
    assert.deepEqual([lines.read, lines.used], [15_384, 15_073])
  })
})

describe('synthetic orders', () => {
  it('are the same for the same seed and others for another', () => {
    assert.deepEqual(planSynthetic(50, { seed: 7 }), planSynthetic(50, { seed: 7 }))
    assert.notDeepEqual(planSynthetic(50, { seed: 8 }).items, planSynthetic(50, { seed: 7 }).items)
  })

  it('have cancellations and odd rows like the real ones', () => {
    const { tally } = planSynthetic(1000)
    assert.ok(tally.invoices.orders > 700 && tally.invoices.cancellations > 50)
    for (const reason of ['bad-debt', 'zero-price', 'postage', 'negative-quantity'] as const) {
      assert.ok((tally.lines.skippedBy[reason] ?? 0) > 0, reason)
    }
  })

  it('sell only what their catalogue has', () => {
    const skus = new Set(syntheticCatalogue(1).map((item) => item.sku))
    assert.equal(skus.size, 400)
    for (const item of syntheticItemsToSend({ seed: 3 }).take(500)) {
      const lines = item.kind === 'order' ? item.order.lines : []
      for (const { sku } of lines) assert.ok(skus.has(sku), sku)
    }
  })
})
