import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goMilliseconds, parseGoReport } from '../rpc/go-report.ts'
import { load } from '../rpc/load.ts'

test('durations are read as Go prints them', () => {
  assert.equal(goMilliseconds('2.786043ms'), 2.786043)
  assert.equal(goMilliseconds('1m2.5s'), 62_500)
  assert.equal(goMilliseconds('812µs'), 0.812)
  assert.equal(goMilliseconds('950ns'), 0.00095)
  assert.ok(Number.isNaN(goMilliseconds('')))
})

test("grpc-go's benchmark report gives rate and percentiles; anything else is refused", () => {
  const text =
    'qps: 53432.333333333336\nLatency: (50/90/99 %ile): 2.786043ms/6.1ms/2s\nClient CPU utilization: 2.5s\n'
  assert.deepEqual(parseGoReport(text), {
    perSecond: 53_432.333_333_333_336,
    p50Ms: 2.786_043,
    p99Ms: 2000,
  })
  assert.throws(() => parseGoReport('RPC failed'), /no report: RPC failed/u)
})

test('the closed loop keeps as many calls open as it was told and counts none of the warm-up', async () => {
  let open = 0
  let most = 0
  let calls = 0
  const options = { host: '', port: 0, transport: '', requestSize: 1, responseSize: 1 }
  // Each call takes a fifth of a millisecond of a time that nothing else moves.
  let time = 0
  const result = await load(
    { ...options, concurrency: 5, warmupMs: 20, measureMs: 20 },
    async () => {
      calls++
      open++
      most = Math.max(most, open)
      await new Promise((resolve) => setImmediate(resolve))
      open--
      time += 0.2
    },
    () => time,
  )
  assert.equal(most, 5)
  const counted = Math.round((result.perSecond * 20) / 1000)
  assert.ok(counted >= 99 && counted <= 101, `${counted} of ${calls}`)
  assert.ok(calls >= 200)
  assert.ok(result.p50Ms <= result.p99Ms)
})
