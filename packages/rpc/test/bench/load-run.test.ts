import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock } from '@tidemill/core'
import { planBench } from '../../src/bench/bench-plan.ts'
import { runBench } from '../../src/bench/bench-run.ts'
import { orderMethod } from './order-registry.ts'
import { scriptedTransport } from './scripted-transport.ts'
import { load, ms, type Script, turn } from './virtual-load.ts'

describe('a closed loop', () => {
  it('makes exactly the calls asked for, never more than the concurrency at once', async () => {
    let open = 0
    let most = 0
    const { report, transport } = await load(
      { total: 100, concurrency: 7 },
      {
        answer: () => {
          most = Math.max(most, ++open)
          return { afterMs: 2 }
        },
      },
      { each: () => (open = 0) },
    )
    assert.equal(report.count, 100)
    assert.equal(transport.calls.length, 100)
    assert.equal(most, 7)
    assert.equal(report.endReason, 'normal')
    assert.deepEqual(report.statusCodeDistribution, { OK: 100 })
  })
  it('sends the headers that gRPC asks for, the timeout among them', async () => {
    const { transport } = await load(
      { total: 1, concurrency: 1, timeout: '2.5s' },
      {},
      {
        metadata: '{"tenant":"a"}',
      },
    )
    const headers = transport.calls[0]?.headers ?? []
    assert.deepEqual(headers.slice(0, 8), [
      ':method',
      'POST',
      ':scheme',
      'https',
      ':path',
      '/shop.v1.Orders/Place',
      ':authority',
      'server.example:50051',
    ])
    for (const pair of [
      ['te', 'trailers'],
      ['grpc-timeout', '2500m'],
      ['tenant', 'a'],
    ]) {
      assert.ok(headers.join('\n').includes(pair.join('\n')), pair.join(' '))
    }
  })
  it('counts what the server says and what ends without a status, in the words of grpc-go', async () => {
    const { report } = await load(
      { total: 4, concurrency: 1 },
      {
        answer: ({ index }) =>
          [
            { afterMs: 1 },
            { afterMs: 1, status: 5, message: 'no%20order' },
            { afterMs: 1, reset: 7 },
            { afterMs: 1, status: 99 },
          ][index] ?? { afterMs: 1 },
      },
    )
    assert.deepEqual(report.statusCodeDistribution, {
      'Code(99)': 1,
      NotFound: 1,
      OK: 1,
      Unavailable: 1,
    })
    assert.equal(report.errorDistribution['rpc error: code = NotFound desc = no order'], 1)
  })
  it('leaves failed calls out of the latencies unless told to count them', async () => {
    const script: Script = {
      answer: ({ index }) => ({
        afterMs: index % 2 === 0 ? 2 : 50,
        status: index % 2 === 0 ? 0 : 13,
      }),
    }
    const without = await load({ total: 10, concurrency: 1 }, script)
    const counted = await load({ total: 10, concurrency: 1, 'count-errors': true }, script)
    assert.ok(ms(without.report.slowest) < 5)
    assert.ok(ms(counted.report.slowest) > 45)
    assert.equal(without.report.count, 10)
  })
  it('ends a call at its timeout as DeadlineExceeded and resets the stream', async () => {
    const { report, transport } = await load(
      { total: 3, concurrency: 3, timeout: '40ms' },
      { answer: () => ({ afterMs: Number.POSITIVE_INFINITY }) },
    )
    assert.deepEqual(report.statusCodeDistribution, { DeadlineExceeded: 3 })
    assert.equal(transport.resets, 3)
    assert.ok(report.total >= 40e6 && report.total < 60e6)
  })
  it('skips the first results', async () => {
    const { report } = await load({ total: 10, concurrency: 1, skipFirst: 4 })
    assert.equal(report.count, 6)
  })
  it('keeps a pace', async () => {
    const { transport, report } = await load({ total: 20, concurrency: 5, rps: 100 })
    const times = transport.calls.map((call) => call.atMs)
    assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) >= 185)
    assert.equal(report.tidemill.rate, 100)
  })
  it('follows a schedule of workers', async () => {
    const { transport } = await load(
      {
        duration: '3s',
        'concurrency-schedule': 'step',
        'concurrency-start': 1,
        'concurrency-end': 3,
        'concurrency-step': 1,
        'concurrency-step-duration': '1s',
      },
      { answer: () => ({ afterMs: 100 }) },
    )
    const from = transport.calls[0]?.atMs ?? 0
    const second = (n: number): number =>
      transport.calls.filter(({ atMs }) => Math.floor((atMs - from) / 1000) === n).length
    assert.ok(second(0) < second(1) && second(1) < second(2), [0, 1, 2].map(second).join(' '))
  })
  it('spreads its workers over the connections', async () => {
    const { transport } = await load({ total: 9, concurrency: 3, connections: 3 })
    assert.equal(transport.connections, 3)
  })
  it('gives each call its own data', async () => {
    const { transport } = await load(
      { total: 3, concurrency: 1 },
      {},
      {
        data: '{"id":"n{{.RequestNumber}}"}',
      },
    )
    const texts = transport.calls.map(({ frames }) =>
      Buffer.from(frames[0] ?? [])
        .toString('latin1')
        .slice(7),
    )
    assert.deepEqual(texts, ['n0', 'n1', 'n2'])
  })
  it('rejects when a template makes what does not fit the message', async () => {
    await assert.rejects(
      load({ total: 3, concurrency: 1 }, {}, { data: '{"total":"{{.WorkerID}}"}' }),
      { code: 'TM_RPC_BENCH_DATA' },
    )
  })
})

describe('a server that stalls', () => {
  // 100 ms of every call that arrives in the stall is lost; all others take 1 ms.
  const stalled: Script = {
    answer: ({ atMs }) => ({ afterMs: atMs > 500 && atMs < 600 ? 601 - atMs : 1 }),
  }
  it('is hidden by the percentiles of a closed loop, and shown by the corrected ones', async () => {
    const { report } = await load({ duration: '2s', concurrency: 5 }, stalled)
    const { percentiles, corrected } = report.tidemill
    assert.ok(ms(percentiles.p99) < 5, `raw p99 ${percentiles.p99}`)
    assert.ok(ms(corrected?.p99 ?? 0) > 50, `corrected p99 ${corrected?.p99}`)
  })
  it('is shown by an open loop, which counts from when a call was due', async () => {
    const { report } = await load({ duration: '2s', rate: 500, warmup: '0' }, stalled)
    const { percentiles } = report.tidemill
    assert.ok(ms(percentiles['p99.9']) >= 90, `p99.9 ${percentiles['p99.9']}`)
    assert.ok(ms(percentiles.p50) < 5)
    assert.equal(report.tidemill.loop, 'open')
    assert.equal(report.tidemill.corrected, null)
  })
  it('makes calls wait that find all places taken, and their wait counts', async () => {
    const { report } = await load(
      { duration: '2s', rate: 500, concurrency: 2, warmup: '0' },
      stalled,
    )
    assert.ok(ms(report.tidemill.percentiles.max) >= 95)
    // Two calls saw the stall themselves; the fifty that waited for their places are what makes p99 high.
    assert.ok(ms(report.tidemill.percentiles.p99) >= 50, `p99 ${report.tidemill.percentiles.p99}`)
    const late = await load(
      { duration: '200ms', rate: 500, concurrency: 1, warmup: '0' },
      { answer: () => ({ afterMs: 50 }) },
    )
    assert.ok(late.report.tidemill.notStarted > 80)
    assert.match(late.report.tidemill.notes.join(), /were due but not started/u)
  })
})

describe('the end of a run', () => {
  const slow: Script = { answer: () => ({ afterMs: 80 }) }
  it('by duration counts calls in flight as Unavailable when connections are closed', async () => {
    const { report } = await load({ duration: '100ms', concurrency: 4 }, slow)
    assert.equal(report.endReason, 'timeout')
    assert.deepEqual(report.statusCodeDistribution, { OK: 4, Unavailable: 4 })
    assert.equal(report.options.total, 2 ** 31 - 1)
  })
  it('by duration waits for them when told to', async () => {
    const { report } = await load(
      { duration: '100ms', concurrency: 4, 'duration-stop': 'wait' },
      slow,
    )
    assert.deepEqual(report.statusCodeDistribution, { OK: 8 })
  })
  it('by duration forgets them when told to', async () => {
    const { report } = await load(
      { duration: '100ms', concurrency: 4, 'duration-stop': 'ignore' },
      slow,
    )
    assert.deepEqual(report.statusCodeDistribution, { OK: 4 })
  })
  it('by the longest time still respects the number of calls', async () => {
    const { report } = await load({ total: 6, 'max-duration': '10s', concurrency: 2 })
    assert.equal(report.count, 6)
    assert.equal(report.endReason, 'normal')
    assert.equal(report.options.duration, 10e9)
  })
  it('by the caller is a cancel, and what was measured is reported', async () => {
    const controller = new AbortController()
    const { report } = await load(
      { duration: '10s', concurrency: 2 },
      {},
      {
        signal: controller.signal,
        each: (_transport, clock) => {
          if (clock.monotonic() > 50) controller.abort()
        },
      },
    )
    assert.equal(report.endReason, 'cancel')
    assert.ok(report.count > 10)
  })
})

describe('a connection that fails', () => {
  it('makes every call Unavailable when the host refuses', async () => {
    const { report } = await load({ total: 5, concurrency: 2 }, { refuse: 'connection refused' })
    assert.deepEqual(report.statusCodeDistribution, { Unavailable: 5 })
    assert.match(Object.keys(report.errorDistribution)[0] ?? '', /connection refused/u)
    assert.equal(report.latencyDistribution, null)
    assert.equal(report.tidemill.verdict.bound, 'unknown')
  })
  it('is made anew when it is lost, and the run goes on', async () => {
    let cut = false
    const { report, transport } = await load(
      { duration: '1s', concurrency: 2, 'duration-stop': 'ignore' },
      { answer: () => ({ afterMs: 5 }) },
      {
        each: (script, clock) => {
          if (!cut && clock.monotonic() > 200) {
            cut = true
            script.cut('connection reset')
          }
        },
      },
    )
    assert.equal(transport.connections, 2)
    assert.ok((report.statusCodeDistribution['Unavailable'] ?? 0) >= 2)
    assert.ok((report.statusCodeDistribution['OK'] ?? 0) > 200)
  })
})

describe('a warm-up', () => {
  it('is not counted, and says how many calls it made', async () => {
    const { report } = await load(
      { total: 50, concurrency: 5, warmup: '100ms' },
      { answer: ({ atMs }) => ({ afterMs: atMs < 90 ? 30 : 2 }) },
    )
    assert.equal(report.count, 50)
    assert.ok(ms(report.slowest) < 10, `slowest ${report.slowest}`)
    assert.ok(report.tidemill.warmup.calls >= 15)
    assert.equal(report.tidemill.warmup.ms, 100)
  })
  it('is there by default for what ghz does not have, and not otherwise', () => {
    const base = { host: 'a:1', call: 'p.S.M' }
    assert.equal(planBench(base).warmupMs, 0)
    assert.equal(planBench({ ...base, rate: 10 }).warmupMs, 500)
    assert.equal(planBench({ ...base, rtt: '10ms' }).warmupMs, 500)
  })
})

describe('a streaming call', () => {
  it('sends all messages of the list, or as many as asked for from the list again', async () => {
    const data = '[{"id":"a"},{"id":"b"}]'
    const all = await load({ total: 1, concurrency: 1 }, {}, { method: 'Upload', data })
    assert.equal(all.transport.calls[0]?.frames.length, 2)
    const five = await load(
      { total: 1, concurrency: 1, 'stream-call-count': 5 },
      {},
      { method: 'Talk', data },
    )
    assert.equal(five.transport.calls[0]?.frames.length, 5)
  })
  it('sends at an interval', async () => {
    const { report } = await load(
      { total: 1, concurrency: 1, 'stream-call-count': 4, 'stream-interval': '50ms' },
      {},
      { method: 'Upload', data: '{"id":"a"}' },
    )
    assert.ok(ms(report.fastest) >= 150)
  })
  it('makes each message anew when told to', async () => {
    const { transport } = await load(
      { total: 1, concurrency: 1, 'stream-call-count': 3, 'stream-dynamic-messages': true },
      {},
      { method: 'Upload', data: '{"id":"{{newUUID}}"}' },
    )
    const texts = (transport.calls[0]?.frames ?? []).map((frame) =>
      Buffer.from(frame).toString('latin1'),
    )
    assert.equal(new Set(texts).size, 3)
  })
  it("ends a server's stream after a number of messages, as Canceled", async () => {
    const { report, transport } = await load(
      { total: 2, concurrency: 1, 'stream-call-count': 3 },
      { answer: () => ({ afterMs: 1, messages: 10 }) },
      { method: 'Watch' },
    )
    assert.deepEqual(report.statusCodeDistribution, { Canceled: 2 })
    assert.equal(transport.resets, 2)
  })
  it('half-closes after the duration of a call', async () => {
    const { report, transport } = await load(
      {
        total: 1,
        concurrency: 1,
        'stream-call-count': 1000,
        'stream-interval': '20ms',
        'stream-call-duration': '100ms',
      },
      {},
      { method: 'Talk', data: '{"id":"a"}' },
    )
    assert.deepEqual(report.statusCodeDistribution, { OK: 1 })
    const sent = transport.calls[0]?.frames.length ?? 0
    assert.ok(sent >= 4 && sent <= 7, String(sent))
  })
})

describe('a sweep', () => {
  it('runs once for each setting of the windows', async () => {
    const clock = createVirtualClock()
    const config = {
      host: 'a.example:1',
      call: 'shop.v1.Orders.Place',
      total: 5,
      concurrency: 1,
      windows: '64k/64k,1m/4m,auto',
      warmup: '0',
    }
    const running = runBench({
      config,
      plan: planBench(config),
      method: orderMethod('Place'),
      transport: scriptedTransport({ clock, answer: () => ({ afterMs: 1 }) }),
      clock,
      random: createSeededRandom(1),
    })
    const cells = await turn(clock, running, () => undefined)
    assert.deepEqual(
      cells.map((cell) => cell.windows),
      [{ stream: 65_535, connection: 65_535 }, { stream: 2 ** 20, connection: 2 ** 22 }, 'auto'],
    )
  })
})

describe('progress', () => {
  it('is told four times a second', async () => {
    const seen: number[] = []
    await load(
      { duration: '1.1s', concurrency: 1 },
      {},
      {
        onProgress: ({ count }) => void seen.push(count),
      },
    )
    assert.equal(seen.length, 4)
    assert.ok((seen[3] ?? 0) > (seen[0] ?? 0))
  })
})

describe('a connection that is being made', () => {
  it('is given up when the caller cancels, and nothing is reported but that', async () => {
    const controller = new AbortController()
    const { report } = await load(
      { total: 5, concurrency: 1 },
      { hang: true },
      {
        signal: controller.signal,
        each: () => controller.abort(),
      },
    )
    assert.equal(report.endReason, 'cancel')
    assert.equal(report.count, 0)
  })
})

describe('keepalive', () => {
  it('gives up a connection that answers no PING, and makes another', async () => {
    const { report, transport } = await load(
      {
        duration: '1s',
        concurrency: 1,
        keepalive: '100ms',
        'duration-stop': 'ignore',
        timeout: '0',
      },
      { answer: () => ({ afterMs: Number.POSITIVE_INFINITY }), pings: 2 },
    )
    assert.ok(transport.connections > 1, String(transport.connections))
    assert.ok((report.statusCodeDistribution['Unavailable'] ?? 0) > 0)
  })
})
