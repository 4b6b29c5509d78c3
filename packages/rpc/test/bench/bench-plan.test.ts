import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BenchConfig, OptionProblem } from '../../src/bench/bench-config.ts'
import { type BenchPlan, planBench } from '../../src/bench/bench-plan.ts'
import { readConfig } from '../../src/bench/config-file.ts'
import { formatGoDuration, parseGoDuration } from '../../src/bench/go-duration.ts'
import { reportOptions } from '../../src/bench/report-options.ts'
import { parseRtts, parseWindows } from '../../src/bench/sweep-lists.ts'

const plan = (config: BenchConfig): BenchPlan =>
  planBench({ call: 'p.S.M', host: '127.0.0.1:50051', ...config })

function problemsOf(config: BenchConfig): string[] {
  try {
    planBench(config)
  } catch (error) {
    const { code, details } = error as { code: string; details: { problems: OptionProblem[] } }
    assert.equal(code, 'TM_RPC_BENCH_OPTIONS')
    return details.problems.map((problem) => problem.path)
  }
  return []
}

describe('the plan of a run', () => {
  it("has ghz's defaults", () => {
    const { total, workers, timeoutMs, connections, connectTimeoutMs, stop, durationMs } = plan({})
    assert.deepEqual(
      { total, workers: workers.most, timeoutMs, connections, connectTimeoutMs, stop, durationMs },
      {
        total: 200,
        workers: 50,
        timeoutMs: 20_000,
        connections: 1,
        connectTimeoutMs: 10_000,
        stop: 'close',
        durationMs: 0,
      },
    )
  })
  it('ignores the total for a duration, and respects it for a longest time', () => {
    assert.equal(plan({ duration: '1s', total: 5 }).total, Number.POSITIVE_INFINITY)
    assert.equal(plan({ 'max-duration': '1s', total: 5 }).total, 5)
    assert.equal(plan({ 'max-duration': '1s', duration: '9s', total: 5 }).durationMs, 1000)
  })
  it('speaks plaintext to loopback unless a TLS flag is given, TLS elsewhere unless told otherwise', () => {
    const rows: readonly (readonly [BenchConfig, boolean])[] = [
      [{}, true],
      [{ host: 'localhost:1' }, true],
      [{ host: '[::1]:1' }, true],
      [{ cacert: 'ca.pem' }, false],
      [{ skipTLS: true }, false],
      [{ cname: 'x' }, false],
      [{ host: 'db.example:1' }, false],
      [{ host: '127.example.com:1' }, false],
      [{ host: 'db.example:1', insecure: true }, true],
      [{ insecure: false }, false],
    ]
    for (const [config, plaintext] of rows) {
      assert.equal(plan(config).target.plaintext, plaintext, JSON.stringify(config))
    }
  })
  it('reads targets with and without a port', () => {
    assert.equal(plan({ host: 'dns:///db.example' }).target.port, 443)
    assert.deepEqual(
      { host: plan({ host: '[::1]:7' }).target.host, port: plan({ host: '[::1]:7' }).target.port },
      { host: '::1', port: 7 },
    )
    assert.equal(plan({ authority: 'a.example' }).target.authority, 'a.example')
  })
  it('reports every problem at once', () => {
    assert.deepEqual(
      problemsOf({
        host: 'nope:99999',
        concurrency: 0,
        timeout: 'soon',
        'duration-stop': 'later',
        rate: -1,
        'load-schedule': 'step',
        connections: 60,
      }).toSorted(),
      [
        '--concurrency',
        '--connections',
        '--call',
        '--duration-stop',
        '--load-end',
        '--load-start',
        '--load-step',
        '--load-step-duration',
        '--rate',
        '--timeout',
        'HOST',
      ].toSorted(),
    )
    assert.deepEqual(problemsOf({ host: 'a:1', call: 'p.S.M', rate: 5, rps: 5 }), ['--rate'])
    assert.deepEqual(problemsOf({ host: 'a:1', call: 'p.S.M', total: 5, skipFirst: 6 }), [
      '--skipFirst',
    ])
    assert.deepEqual(
      problemsOf({ host: 'a:1', call: 'p.S.M', rtt: '0,5ms', format: 'prometheus' }),
      ['--format'],
    )
  })
  it('makes an open loop of a rate, with room for more calls in flight', () => {
    assert.equal(plan({ rate: 100 }).loop, 'open')
    assert.equal(plan({ rate: 100 }).maxInFlight, 1000)
    assert.equal(plan({ rate: 100, concurrency: 7 }).workers.most, 7)
    assert.equal(plan({ async: true }).workers.most, 10_000)
  })
})

describe('the options in a report', () => {
  it('are those that ghz writes, in its order, empty ones left out', () => {
    const config: BenchConfig = {
      proto: 'a.proto',
      total: 7,
      'max-duration': '1m',
      keepalive: '5s',
    }
    const options = reportOptions(config, plan(config), { data: '{"b":1,"a":2}', cpus: 2 })
    assert.equal(
      JSON.stringify(options),
      '{"call":"p.S.M","host":"127.0.0.1:50051","proto":"a.proto","insecure":true,"load-schedule":"const","load-start":0,"load-end":0,"load-step":0,"load-step-duration":0,"load-max-duration":0,"concurrency":50,"concurrency-schedule":"const","concurrency-start":0,"concurrency-end":0,"concurrency-step":1,"concurrency-step-duration":0,"concurrency-max-duration":0,"total":7,"connections":1,"duration":60000000000,"timeout":20000000000,"dial-timeout":10000000000,"keepalive":5000000000,"data":{"a":2,"b":1},"binary":false,"CPUs":2}',
    )
  })
})

describe('a config file', () => {
  it('is JSON with the names of the flags', () => {
    assert.deepEqual(readConfig('{"total":5,"data":{"a":1}}', 'c.json'), {
      total: 5,
      data: { a: 1 },
    })
  })
  it('is TOML as ghz documents it', () => {
    const text = [
      '# a comment',
      'total = 5_000 # many',
      "proto = 'a.proto'",
      'call = "p.S.M"',
      'insecure = true',
      'import-paths = ["a", "b",]',
      '[data]',
      'name = "Bob # not a comment"',
      '[metadata]',
      '"x-id" = "1"',
    ].join('\n')
    assert.deepEqual(readConfig(text, 'c.toml'), {
      total: 5000,
      proto: 'a.proto',
      call: 'p.S.M',
      insecure: true,
      'import-paths': ['a', 'b'],
      data: { name: 'Bob # not a comment' },
      metadata: { 'x-id': '1' },
    })
  })
  it('refuses unknown names, wrong kinds and text that cannot be read', () => {
    for (const [text, file] of [
      ['{"totl":5}', 'c.json'],
      ['{"total":"5"}', 'c.json'],
      ['[]', 'c.json'],
      ['{', 'c.json'],
      ['total', 'c.toml'],
      ['total = {', 'c.toml'],
    ] as const) {
      assert.throws(() => readConfig(text, file), { code: 'TM_RPC_BENCH_OPTIONS' }, text)
    }
  })
})

describe('lists of a sweep', () => {
  it('read windows with 64k as the default of HTTP/2', () => {
    const problems: OptionProblem[] = []
    assert.deepEqual(parseWindows('64k/64k, 1m/4m,auto,128KiB', problems), [
      { stream: 65_535, connection: 65_535 },
      { stream: 1_048_576, connection: 4_194_304 },
      'auto',
      { stream: 131_072, connection: 131_072 },
    ])
    assert.deepEqual(parseRtts('0,10ms,1.5s', problems), [0, 10, 1500])
    assert.deepEqual(problems, [])
  })
  it('name what cannot be read', () => {
    const problems: OptionProblem[] = []
    parseWindows('64q', problems)
    parseWindows('3g', problems)
    parseRtts('10', problems)
    parseRtts('1m', problems)
    assert.deepEqual(
      problems.map((problem) => problem.path),
      ['--windows', '--windows', '--windows', '--windows', '--rtt', '--rtt'],
    )
  })
})

describe('a duration as Go writes it', () => {
  it('is read with all units, and printed as Go prints it', () => {
    const rows: readonly (readonly [string, number, string])[] = [
      ['0', 0, '0s'],
      ['1.5s', 1500, '1.5s'],
      ['250us', 0.25, '250µs'],
      ['1h2m3s', 3_723_000, '1h2m3s'],
      ['90s', 90_000, '1m30s'],
      ['20ms', 20, '20ms'],
      ['7ns', 7e-6, '7ns'],
    ]
    for (const [text, ms, printed] of rows) {
      assert.equal(parseGoDuration(text), ms)
      assert.equal(formatGoDuration(Math.round(ms * 1e6)), printed)
    }
    for (const text of ['', '5', 's', '1 s', '-1s', '1d'])
      assert.equal(parseGoDuration(text), undefined, text)
  })
})
