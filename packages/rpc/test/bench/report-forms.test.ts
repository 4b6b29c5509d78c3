import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createHistogram } from '@tidemill/core'
import type { BenchCell } from '../../src/bench/bench-run.ts'
import { createReport, type BenchReport } from '../../src/bench/report.ts'
import { formatReport, reportFormats } from '../../src/bench/report-format.ts'
import { htmlText } from '../../src/bench/report-html.ts'
import { prometheusText } from '../../src/bench/report-prometheus.ts'
import { ResultLog } from '../../src/bench/result-log.ts'
import { formatSweep } from '../../src/bench/sweep-report.ts'
import type { WindowSetting } from '../../src/bench/load-settings.ts'

function cell(
  windows: WindowSetting,
  addedRttMs: number,
  name = '<script>"x"</script>',
): BenchCell {
  const log = new ResultLog(false)
  for (let i = 0; i < 2000; i++)
    log.add(1e6 + i * 1000 + addedRttMs * 1e6, i, i % 100 === 0 ? 14 : 0, 'a <b>')
  const report = createReport({
    log,
    endReason: 'normal',
    options: {
      call: 'p.S.M',
      host: 'a:1',
      insecure: true,
      'load-schedule': 'const',
      'load-start': 0,
      'load-end': 0,
      'load-step': 0,
      'load-step-duration': 0,
      'load-max-duration': 0,
      'concurrency-schedule': 'const',
      'concurrency-start': 0,
      'concurrency-end': 0,
      'concurrency-step': 1,
      'concurrency-step-duration': 0,
      'concurrency-max-duration': 0,
      binary: false,
      CPUs: 2,
    },
    name,
    tags: { env: 'a&b' },
    startedAt: 1_700_000_000_000,
    endedAt: 1_700_000_002_000,
    total: 2e9,
    loop: 'closed',
    rate: 0,
    intervalMs: 0,
    warmup: { calls: 0, ms: 0 },
    notStarted: 0,
    cpuShare: 0,
    verdict: {
      bound: 'window',
      side: 'server',
      text: 'Window-bound: <so>',
      ceiling: 1,
      set: 2,
      rttMs: 3,
    },
    notes: ['shares cores'],
  })
  return { windows, addedRttMs, report, latencies: log.latencies }
}

const one = cell('auto', 0)

describe('a report', () => {
  it('can be written in every form', () => {
    for (const format of reportFormats) {
      assert.ok(formatReport(one.report, format, one.latencies).length > 100, format)
    }
  })
  it('as HTML loads nothing from elsewhere, runs nothing and escapes what it shows', () => {
    const html = htmlText(one.report)
    assert.doesNotMatch(html, /<script|src=|href=|@import|url\(|https?:/u)
    assert.match(html, /&lt;script&gt;&quot;x&quot;&lt;\/script&gt;/u)
    assert.match(html, /prefers-color-scheme:dark/u)
    assert.match(html, /Window-bound: &lt;so&gt;/u)
    assert.equal(html.match(/<section/gu)?.length, 7)
  })
  it('as Prometheus text has one value a line, in seconds', () => {
    const text = prometheusText(one.report)
    for (const line of text.trimEnd().split('\n')) {
      assert.match(line, /^(?:# (?:HELP|TYPE) \S+ .+|[a-z_]+\{[^}]*\} [\d.e+-]+)$/u)
    }
    assert.match(text, /ghz_run_responses\{.*status="Unavailable"\} 20/u)
    assert.match(text, /ghz_run_latency_seconds\{.*quantile="0\.9999"\} 0\.00/u)
    assert.match(text, /tidemill_run_window_bound\{.*\} 1/u)
  })
  it('as a summary goes on with the tail, the plot, the verdict and the notes', () => {
    const text = formatReport(one.report, 'summary', one.latencies)
    for (const part of [
      'p99.99',
      'corrected',
      'Latency over time:',
      'Window-bound: <so>',
      'shares cores',
    ]) {
      assert.ok(text.includes(part), part)
    }
  })
  it('as JSON has what ghz lacks under one key of its own', () => {
    const json = JSON.parse(formatReport(one.report, 'json', one.latencies)) as BenchReport
    assert.deepEqual(Object.keys(json).at(-1), 'tidemill')
    assert.ok(json.tidemill.percentiles['p99.99'] >= json.tidemill.percentiles['p99.9'])
  })
})

describe('a sweep', () => {
  const small: WindowSetting = { stream: 65_535, connection: 65_535 }
  const cells = [cell(small, 0), cell('auto', 0), cell(small, 50), cell('auto', 50)]
  it('is a matrix of round trips and windows', () => {
    const lines = formatSweep(cells, 'summary').split('\n')
    assert.match(lines[1] ?? '', /^Calls a second +64KiB\/64KiB +auto$/u)
    assert.match(lines[2] ?? '', /^\+0 ms +1,000 +1,000$/u)
    assert.match(lines[3] ?? '', /^\+50 ms +1,000 +1,000$/u)
    assert.equal(lines.filter((line) => line.includes('Window-bound')).length, 4)
  })
  it('as JSON has every report without its single results', () => {
    const { cells: documents } = JSON.parse(formatSweep(cells, 'json')) as {
      cells: { windows: string; rttMs: number; report: Record<string, unknown> }[]
    }
    assert.deepEqual(
      documents.map(({ windows, rttMs }) => [windows, rttMs]),
      [
        ['64KiB/64KiB', 0],
        ['auto', 0],
        ['64KiB/64KiB', 50],
        ['auto', 50],
      ],
    )
    assert.ok(documents.every(({ report }) => !('details' in report) && report['count'] === 2000))
  })
  it('as CSV has a row for each run, and as HTML a table for each measure', () => {
    assert.equal(formatSweep(cells, 'csv').trimEnd().split('\n').length, 5)
    assert.equal(formatSweep(cells, 'html').match(/<table>/gu)?.length, 4)
    assert.equal(JSON.parse(formatSweep(cells, 'pretty')).cells.length, 4)
  })
})

describe('the tail in the summary', () => {
  const corrected = (latencies: readonly number[], interval: number): BenchReport => {
    const log = new ResultLog(false)
    for (const [i, ms] of latencies.entries()) log.add(ms * 1e6, i, 0, '')
    const { report } = cell('auto', 0)
    return createReport({
      log,
      endReason: 'normal',
      options: report.options,
      startedAt: 0,
      endedAt: 1000,
      total: 1e9,
      loop: 'closed',
      rate: 0,
      intervalMs: interval,
      warmup: { calls: 0, ms: 0 },
      notStarted: 0,
      cpuShare: 0,
      verdict: report.tidemill.verdict,
      notes: [],
    })
  }
  it('is never better corrected than as measured', () => {
    // Calls of twice the interval bring one of half their length each, which would pull p99 down.
    const slow = Array.from({ length: 100 }, (_, i) => (i < 50 ? 1 : i < 98 ? 2 : 9))
    const { percentiles, corrected: better } = corrected(slow, 1).tidemill
    for (const [name, value] of Object.entries(percentiles))
      assert.ok(((better as unknown as Record<string, number>)[name] as number) >= value, name)
  })
  it('is left out when no result counts', () => {
    const none = formatReport(corrected([], 0), 'summary', createHistogram())
    assert.doesNotMatch(none, /Tail latency/u)
    assert.match(none, /Flow control:/u)
    assert.match(formatReport(corrected([1, 2], 0), 'summary', createHistogram()), /Tail latency/u)
  })
})
