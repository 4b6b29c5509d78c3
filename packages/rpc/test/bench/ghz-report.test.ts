import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { goJson, goTimestamp } from '../../src/bench/go-json.ts'
import { type BenchReport, createReport } from '../../src/bench/report.ts'
import { csvText } from '../../src/bench/report-csv.ts'
import { influxDetails, influxSummary } from '../../src/bench/report-influx.ts'
import { ghzSummary } from '../../src/bench/report-summary.ts'
import { ResultLog } from '../../src/bench/result-log.ts'
import { statusName } from '../../src/bench/status-name.ts'

const folder = path.resolve(import.meta.dirname, 'data')
const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8')

interface Recorded {
  readonly ghz: BenchReport
  readonly ours: BenchReport
}

/** Sums the results of a report of ghz up again, as if they had just been measured. */
function sumUpAgain(text: string): Recorded {
  const ghz = JSON.parse(text) as BenchReport
  const log = new ResultLog(ghz.options['count-errors'] === true)
  for (const { latency, status, error } of ghz.details ?? []) {
    const code = Array.from({ length: 17 }, (_, i) => statusName(i)).indexOf(status)
    log.add(latency, 0, code, error.replace(/^rpc error: code = \w+ desc = /u, ''))
  }
  const ours = createReport({
    log,
    endReason: ghz.endReason,
    options: ghz.options,
    name: ghz.name,
    tags: ghz.tags,
    startedAt: 0,
    endedAt: Date.parse(ghz.date),
    total: ghz.total,
    loop: 'closed',
    rate: 0,
    intervalMs: 0,
    warmup: { calls: 0, ms: 0 },
    notStarted: 0,
    cpuShare: 0,
    verdict: { bound: 'none', side: null, text: '', ceiling: 0, set: 0, rttMs: 0 },
    notes: [],
  })
  return { ghz, ours }
}

/** Without what ghz does not have, and with its times of day, which a second summing up cannot know. */
function asGhz({ ghz, ours }: Recorded): unknown {
  const { tidemill: _tidemill, details, ...rest } = ours
  const { tags, ...before } = rest
  return {
    ...before,
    details:
      details?.map((one, i) => Object.assign(one, { timestamp: ghz.details?.[i]?.timestamp })) ??
      null,
    ...(tags === undefined ? {} : { tags }),
  }
}

const sortedLines = (text: string): string[] => text.split('\n').toSorted()

describe('a report of the same results as ghz', () => {
  for (const name of ['ok', 'mixed', 'counted', 'refused']) {
    it(`is byte for byte the JSON of ghz (${name})`, () => {
      const text = read(`ghz-${name}.json.txt`)
      assert.equal(goJson(asGhz(sumUpAgain(text))), text)
    })
    it(`is the summary of ghz but for the order of statuses (${name})`, () => {
      const { ours } = sumUpAgain(read(`ghz-${name}.json.txt`))
      assert.deepEqual(sortedLines(ghzSummary(ours)), sortedLines(read(`ghz-${name}.summary.txt`)))
    })
    it(`is the line of ghz for InfluxDB (${name})`, () => {
      const { ours } = sumUpAgain(read(`ghz-${name}.json.txt`))
      assert.equal(
        influxSummary(ours, Date.parse(ours.date)),
        read(`ghz-${name}.influx-summary.txt`),
      )
    })
  }
  it('is the CSV of ghz when no error holds a comma or a quote', () => {
    for (const name of ['ok', 'mixed', 'counted']) {
      assert.equal(csvText(sumUpAgain(read(`ghz-${name}.json.txt`)).ours), read(`ghz-${name}.csv`))
    }
  })
  it('quotes an error that would break its CSV row', () => {
    const csv = csvText(sumUpAgain(read('ghz-refused.json.txt')).ours)
    assert.match(csv, /,Unavailable,"rpc error: .* desc = ""transport: /u)
  })
  it('is the details of ghz for InfluxDB', () => {
    const { ghz, ours } = sumUpAgain(read('ghz-refused.json.txt'))
    assert.equal(
      influxDetails({ ...ours, details: ghz.details }),
      read('ghz-refused.influx-details.txt'),
    )
  })
})

describe('a report of more results than are kept', () => {
  it('takes percentiles and histogram from all of them and says how many are not listed', () => {
    const log = new ResultLog(false, 1000)
    // The slow ones all come after those that are kept: a report over these would not see them.
    for (let i = 0; i < 1000; i++) log.add(1_000_000, i, 0, '')
    for (let i = 0; i < 50; i++) log.add(500_000_000, 1000 + i, 0, '')
    const { ghz } = sumUpAgain(read('ghz-ok.json.txt'))
    const report = createReport({
      log,
      endReason: 'normal',
      options: ghz.options,
      startedAt: 0,
      endedAt: 0,
      total: 1e9,
      loop: 'open',
      rate: 1,
      intervalMs: 0,
      warmup: { calls: 0, ms: 0 },
      notStarted: 0,
      cpuShare: 0,
      verdict: { bound: 'none', side: null, text: '', ceiling: 0, set: 0, rttMs: 0 },
      notes: [],
    })
    assert.equal(report.count, 1050)
    assert.equal(report.details?.length, 1000)
    assert.equal(report.tidemill.detailsDropped, 50)
    assert.equal(report.tidemill.source, 'histogram')
    const p99 = report.latencyDistribution?.find((row) => row.percentage === 99)?.latency ?? 0
    assert.ok(Math.abs(p99 - 500e6) < 5e6, String(p99))
    assert.equal(
      report.histogram?.reduce((sum, bar) => sum + bar.count, 0),
      1050,
    )
    assert.equal(report.histogram?.at(-1)?.count, 50)
  })
  it('counts texts of errors beyond a thousand together', () => {
    const log = new ResultLog(false)
    for (let i = 0; i < 1500; i++) log.add(1, 0, 13, `id ${i}`)
    const errors = new Map(log.errors())
    assert.equal(errors.size, 1001)
    assert.equal(errors.get('(other errors)'), 500)
    assert.equal([...log.details()].at(-1)?.error, '(other errors)')
  })
})

describe('text of Go', () => {
  it('drops the zeros at the end of a fraction of a second', () => {
    assert.equal(goTimestamp(1_700_000_000_000, 120_000_000), '2023-11-14T22:13:20.12Z')
    assert.equal(goTimestamp(1_700_000_000_000, 0), '2023-11-14T22:13:20Z')
    assert.equal(goTimestamp(1_700_000_000_000, 1), '2023-11-14T22:13:20.000000001Z')
  })
  it('escapes what Go escapes in JSON', () => {
    assert.equal(goJson({ a: '<b&>\u2028' }), String.raw`{"a":"\u003cb\u0026\u003e\u2028"}`)
  })
})
