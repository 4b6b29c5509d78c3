import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FlowMeasure, judgeFlow } from '../../src/bench/verdict.ts'

const base: FlowMeasure = {
  rttMs: 50,
  elapsedMs: 10_000,
  connections: 1,
  paced: false,
  inFlight: 1000,
  calls: 1600,
  sentBytes: 6_600_000,
  receivedBytes: 20_000,
  sendWindow: { stream: 65_535, connection: 65_535 },
  receiveWindow: { stream: 1_048_576, connection: 4_194_304 },
  blocked: { stream: 0, connection: 0, streams: 0 },
}

describe('the verdict on flow control', () => {
  it("names the server's connection window when sending reaches half of window/RTT", () => {
    // 64 KiB at 50 ms allow 1.3 MB/s; 660 KB/s is what a peer that gives credit back at half a window reaches.
    const verdict = judgeFlow(base)
    assert.equal(verdict.bound, 'window')
    assert.equal(verdict.side, 'server')
    assert.equal(Math.round(verdict.ceiling), 1_310_700)
    assert.ok(
      verdict.set >= 4 * 1024 * 1024 && verdict.set <= 16 * 1024 * 1024,
      String(verdict.set),
    )
    assert.match(verdict.text, /Window-bound: .* set the server's connection window to \d+MiB/u)
  })
  it('does not blame a window that all calls in flight fit into', () => {
    // 200 calls of 4 KiB at 50 ms, each done in one round trip: it is their number that sets the rate.
    const fits: FlowMeasure = {
      ...base,
      inFlight: 200,
      calls: 40_000,
      sentBytes: 40_000 * 4096,
      sendWindow: { stream: 1_048_576, connection: 1_258_291 },
    }
    assert.equal(judgeFlow(fits).bound, 'none')
    assert.match(judgeFlow(fits).text, /200 calls in flight,.*their number \(-c\) sets the rate/u)
    assert.doesNotMatch(judgeFlow({ ...fits, paced: true }).text, /-c/u)
    for (const trips of [0.5, 2]) {
      const { text } = judgeFlow({ ...fits, calls: 40_000 / trips })
      assert.doesNotMatch(text, /-c/u)
    }
    const blocked = { ...fits, blocked: { stream: 0, connection: 5000, streams: 0 } }
    assert.equal(judgeFlow(blocked).bound, 'window')
    const receiving = { ...fits, sentBytes: 0, receivedBytes: fits.sentBytes }
    assert.equal(judgeFlow({ ...receiving, receiveWindow: fits.sendWindow }).bound, 'none')
  })
  it('counts the windows of all streams, and of each connection', () => {
    const perStream: FlowMeasure = {
      ...base,
      connections: 2,
      inFlight: 4,
      calls: 40,
      sentBytes: 40 * 2_000_000,
      elapsedMs: 10_000,
      sendWindow: { stream: 65_535, connection: 16_777_216 },
    }
    const verdict = judgeFlow(perStream)
    assert.equal(verdict.bound, 'window')
    assert.equal(Math.round(verdict.ceiling), 2_621_400)
    assert.match(verdict.text, /server's stream window of 64KiB/u)
  })
  it('names the option to set, here and in grpc-go', () => {
    assert.match(judgeFlow(base).text, /\(flow\.connection; grpc-go: InitialConnWindowSize\)/u)
    const stream = judgeFlow({
      ...base,
      inFlight: 1,
      calls: 2,
      sentBytes: 10_000_000,
      sendWindow: { stream: 65_535, connection: 16_777_216 },
    })
    assert.match(stream.text, /\(flow\.stream; grpc-go: InitialWindowSize\)/u)
  })
  it('names our windows when receiving reaches them, with the flag to set', () => {
    const verdict = judgeFlow({
      ...base,
      sentBytes: 10_000,
      receivedBytes: 9_000_000,
      receiveWindow: { stream: 65_535, connection: 65_535 },
    })
    assert.equal(verdict.side, 'client')
    assert.match(verdict.text, /set --windows \S+\/\d+MiB, or auto/u)
  })
  it('names the stream window when one stream fills it', () => {
    const verdict = judgeFlow({
      ...base,
      inFlight: 1,
      calls: 2,
      sentBytes: 10_000_000,
      sendWindow: { stream: 65_535, connection: 16_777_216 },
    })
    assert.equal(verdict.bound, 'window')
    assert.match(verdict.text, /server's stream window/u)
  })
  it('takes blocked sending as a sign at a smaller share of the ceiling', () => {
    const slow = { ...base, sentBytes: 4_000_000 }
    assert.equal(judgeFlow(slow).bound, 'none')
    assert.equal(
      judgeFlow({ ...slow, blocked: { stream: 0, connection: 9000, streams: 0 } }).bound,
      'window',
    )
  })
  it('names the limit of streams when calls waited for it', () => {
    assert.equal(
      judgeFlow({ ...base, blocked: { stream: 0, connection: 0, streams: 5000 } }).bound,
      'streams',
    )
  })
  it('says nothing about windows when the round trip is short or nothing succeeded', () => {
    assert.equal(judgeFlow({ ...base, rttMs: 0.1 }).bound, 'none')
    assert.equal(judgeFlow({ ...base, calls: 0 }).bound, 'unknown')
    assert.equal(judgeFlow({ ...base, sendWindow: { stream: 0, connection: 0 } }).bound, 'none')
  })
})
