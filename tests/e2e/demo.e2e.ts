import assert from 'node:assert/strict'
import { createReadStream, existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { temporaryFolder, tidemill } from './lib/tidemill.ts'

interface DemoData {
  readonly invoices: {
    readonly read: number
    readonly orders: number
    readonly cancellations: number
    readonly skipped: number
    readonly skippedBy: Readonly<Record<string, number>>
  }
  readonly lines: {
    readonly read: number
    readonly used: number
    readonly skipped: number
    readonly skippedBy: Readonly<Record<string, number>>
  }
  readonly outcome: {
    readonly confirmed: number
    readonly compensated: number
    readonly stuck: number
  }
  readonly revenue: Readonly<Record<string, string>>
  readonly seconds: number
  readonly ordersPerSecond: number
  readonly latencyMs: { readonly p50: number; readonly p99: number }
  readonly invariants: readonly {
    readonly name: string
    readonly holds: boolean
    readonly detail: string
  }[]
}

const dataFolder =
  process.env['TIDEMILL_DATA'] ?? path.resolve(import.meta.dirname, '../../../shared/data')
const week = path.join(dataFolder, 'online-retail', 'online-retail-2011-11-01_07.csv')

function parse(stdout: string): DemoData {
  const document = JSON.parse(stdout) as { readonly schema: string; readonly data: DemoData }
  assert.equal(document.schema, 'tidemill.demo.v1')
  return document.data
}

function checkShape(data: DemoData): void {
  const { invoices, lines, outcome } = data
  const sum = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((total, count) => total + count, 0)
  assert.equal(invoices.read, invoices.orders + invoices.cancellations + invoices.skipped)
  assert.equal(invoices.skipped, sum(invoices.skippedBy))
  assert.equal(lines.read, lines.used + lines.skipped)
  assert.equal(lines.skipped, sum(lines.skippedBy))
  assert.equal(outcome.confirmed + outcome.compensated + outcome.stuck, invoices.orders)
  assert.equal(outcome.stuck, 0)
  assert.ok(data.invariants.length >= 8)
  assert.deepEqual(
    data.invariants.filter((invariant) => !invariant.holds),
    [],
  )
}

describe('tidemill demo', () => {
  it('replays generated orders, prints one document and exits 0 because every invariant holds', async (t) => {
    const { code, stdout, stderr } = await tidemill(
      t,
      'demo',
      '--orders',
      'synthetic',
      '--count',
      '400',
      '--seed',
      '7',
      '--json',
    )
    assert.equal(code, 0, stderr)
    const data = parse(stdout)
    checkShape(data)
    assert.equal(data.invoices.read, 400)
    assert.ok(
      data.outcome.compensated > 0,
      'the provider declined nothing, so no compensation was tried',
    )
    assert.ok(data.invoices.cancellations > 0)
  })

  it('gives the same counts and revenue for the same seed', async (t) => {
    const run = async (): Promise<unknown> => {
      const { stdout } = await tidemill(
        t,
        'demo',
        '--orders',
        'synthetic',
        '--count',
        '120',
        '--seed',
        '3',
        '--rate',
        'max',
        '--json',
      )
      const { invoices, lines, outcome, revenue } = parse(stdout)
      return { invoices, lines, outcome, revenue }
    }
    assert.deepEqual(await run(), await run())
  })

  it('replays the real week, and its counts can be counted again from the file', {
    skip: existsSync(week) ? false : 'the Online Retail file is not there',
  }, async (t) => {
    const { code, stdout, stderr } = await tidemill(
      t,
      'demo',
      '--orders',
      week,
      '--rate',
      'max',
      '--json',
    )
    assert.equal(code, 0, stderr)
    const data = parse(stdout)
    checkShape(data)
    let rows = -1
    const invoices = new Set<string>()
    for await (const line of createInterface({ input: createReadStream(week) })) {
      rows++
      const id = line.slice(0, line.indexOf(','))
      if (rows > 0) invoices.add(id)
    }
    assert.equal(data.lines.read, rows)
    assert.equal(data.invoices.read, invoices.size)
    const cancelled = [...invoices].filter((id) => id.startsWith('C')).length
    assert.ok(data.invoices.cancellations <= cancelled)
  })

  it('refuses a file with a malformed row, naming line and column, or skips and counts it when told to', async (t) => {
    const file = path.join(temporaryFolder(t), 'orders.csv')
    const text = [
      'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
      '1,21314,GLASS,8,2011-11-01 08:16:00,2.1,17733.0,United Kingdom',
      '2,21315,BROKEN,many,2011-11-01 08:20:00,2.1,17733.0,United Kingdom',
      '',
    ].join('\n')
    await writeFile(file, text)
    const refused = await tidemill(t, 'demo', '--orders', file)
    assert.notEqual(refused.code, 0)
    assert.equal(refused.stdout, '')
    assert.match(refused.stderr, /error\[TM_SHOP_CSV_INVALID\].*line 3, column \d+/u)
    const skipped = await tidemill(t, 'demo', '--orders', file, '--malformed', 'skip', '--json')
    assert.equal(skipped.code, 0, skipped.stderr)
    assert.match(skipped.stderr, /line 3/u)
    const { invoices, lines } = parse(skipped.stdout)
    assert.equal(invoices.orders, 1)
    assert.deepEqual([lines.read, lines.used, lines.skipped], [2, 1, 1])
  })

  it('refuses a file that is not there with a coded error', async (t) => {
    const { code, stderr, stdout } = await tidemill(t, 'demo', '--orders', '/nowhere/at/all.csv')
    assert.notEqual(code, 0)
    assert.equal(stdout, '')
    assert.match(stderr, /error\[TM_\w+\].*all\.csv/u)
  })
})
