import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { load, ms, type Script } from './virtual-load.ts'

describe("the server's limit of streams", () => {
  it('makes calls wait in turn, and the verdict names it', async () => {
    const { report } = await load(
      { total: 60, concurrency: 20 },
      { slots: 5, answer: () => ({ afterMs: 10 }) },
    )
    assert.equal(report.count, 60)
    assert.deepEqual(report.statusCodeDistribution, { OK: 60 })
    assert.ok(ms(report.slowest) >= 40)
    assert.equal(report.tidemill.verdict.bound, 'streams')
  })
})

describe('a call that waits for a free stream', () => {
  it('ends at its timeout as DeadlineExceeded, never begun', async () => {
    const { report, transport } = await load(
      { total: 4, concurrency: 4, timeout: '40ms' },
      { slots: 1, answer: () => ({ afterMs: 30 }) },
    )
    assert.deepEqual(report.statusCodeDistribution, { DeadlineExceeded: 3, OK: 1 })
    assert.ok(ms(report.total) < 60, `total ${ms(report.total)} ms`)
    assert.ok(transport.calls.length <= 2)
    assert.equal(report.tidemill.verdict.bound, 'streams')
  })
  it('has only the rest of its time when it begins', async () => {
    const { report } = await load(
      { total: 2, concurrency: 2, timeout: '50ms' },
      { slots: 1, answer: () => ({ afterMs: 40 }) },
    )
    assert.deepEqual(report.statusCodeDistribution, { DeadlineExceeded: 1, OK: 1 })
    assert.ok(ms(report.total) < 65, `total ${ms(report.total)} ms`)
  })
  it('is done with when its connection is lost', async () => {
    const state = { cut: false }
    const { report } = await load(
      { total: 3, concurrency: 3, timeout: '100ms' },
      { slots: 1, answer: () => ({ afterMs: 50 }) },
      {
        each: (script, clock) => {
          if (state.cut || clock.monotonic() < 20) return
          state.cut = true
          script.cut('connection reset')
        },
      },
    )
    assert.equal(report.count, 3)
    assert.deepEqual(report.statusCodeDistribution, { Unavailable: 3 })
  })
})

describe('calls that missed their deadline', () => {
  it('are named beside percentiles that leave them out', async () => {
    const script: Script = {
      answer: ({ index }) => ({ afterMs: index % 4 === 0 ? Number.POSITIVE_INFINITY : 2 }),
    }
    const config = { total: 40, concurrency: 2, timeout: '40ms' } as const
    const left = await load(config, script)
    assert.match(
      left.report.tidemill.notes.join(),
      /10 calls missed their deadline.*left out of the latencies.*--count-errors/u,
    )
    const counted = await load({ ...config, 'count-errors': true }, script)
    assert.doesNotMatch(counted.report.tidemill.notes.join(), /missed their deadline/u)
    assert.ok(ms(counted.report.tidemill.percentiles.p90) >= 39)
  })
})

describe('what the connections say of blocking', () => {
  it('counts from the end of the warm-up', async () => {
    // 20,000 bytes in 10 ms are a third of what 64 KiB in 10 ms allow: blocking decides.
    const after =
      (warmup: number, counted: number): NonNullable<Script['stats']> =>
      (calls) => ({
        bytesSent: calls * 20_000,
        blockedMs: { stream: 0, connection: warmup + calls * counted, peerStreams: 0 },
      })
    const config = { total: 20, concurrency: 1, warmup: '50ms' } as const
    const parts: Script = { pingMs: 10, answer: () => ({ afterMs: 10 }) }
    const before = await load(config, { ...parts, stats: after(5000, 0) })
    assert.equal(before.report.tidemill.verdict.bound, 'none')
    const during = await load(config, { ...parts, stats: after(0, 8) })
    assert.equal(during.report.tidemill.verdict.bound, 'window')
  })
})

describe('the answers of a stream', () => {
  it('give their credit back, or the server would stand still', async () => {
    const { transport } = await load(
      { total: 3, concurrency: 1 },
      { answer: () => ({ afterMs: 1, messages: 10 }) },
      { method: 'Watch' },
    )
    assert.equal(transport.consumed, 3 * 10 * 5)
  })
})
