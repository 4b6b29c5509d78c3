import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { BdpEstimator, bdpPing } from '../../src/flow/bdp-estimator.ts'

const mebibyte = 1024 * 1024

test('sends one PING at a time, upon data, with the payload of grpc-go', async () => {
  const clock = createVirtualClock()
  const estimator = new BdpEstimator(clock, 65_535, 16 * mebibyte)
  assert.equal(bdpPing.toString('hex'), '02041010090e0707')
  assert.equal(estimator.answered(), 0)
  assert.equal(estimator.received(100), true)
  assert.equal(estimator.received(100), false)
  await clock.advance(10)
  assert.equal(estimator.answered(), 0)
  assert.equal(estimator.answered(), 0)
  assert.equal(estimator.received(100), true)
})

test('averages the first ten round trips, then follows the newest', async () => {
  const clock = createVirtualClock()
  const estimator = new BdpEstimator(clock, 65_535, 16 * mebibyte)
  const sample = async (ms: number): Promise<void> => {
    estimator.received(1)
    await clock.advance(ms)
    estimator.answered()
  }
  await sample(10)
  assert.equal(estimator.rttMs, 10)
  await sample(30)
  assert.equal(estimator.rttMs, 20)
  for (let i = 0; i < 7; i++) await sample(20)
  assert.ok(Math.abs(estimator.rttMs - 20) < 1e-9)
  await sample(120)
  assert.ok(Math.abs(estimator.rttMs - 110) < 1e-9)
})

test('doubles what a round trip brought when that was two thirds of the estimate and the fastest so far', async () => {
  const clock = createVirtualClock()
  const estimator = new BdpEstimator(clock, 65_535, 16 * mebibyte)
  const sample = async (bytes: number, ms: number): Promise<number> => {
    estimator.received(bytes)
    await clock.advance(ms)
    return estimator.answered()
  }
  assert.equal(await sample(43_000, 10), 0)
  assert.equal(await sample(60_000, 10), 120_000)
  assert.equal(estimator.bdp, 120_000)
  assert.ok(Math.abs(estimator.bytesPerSecond - (60_000 / 15) * 1000) < 1)
  // Enough bytes, but slower than before.
  assert.equal(await sample(100_000, 100), 0)
  assert.equal(estimator.bdp, 120_000)
})

test('stops at the limit, with the PINGs', async () => {
  const clock = createVirtualClock()
  const estimator = new BdpEstimator(clock, mebibyte, 4 * mebibyte)
  assert.equal(estimator.received(3 * mebibyte), true)
  await clock.advance(1)
  assert.equal(estimator.answered(), 4 * mebibyte)
  assert.equal(estimator.received(1000), false)
})

test('bears an answer in the same instant', () => {
  const estimator = new BdpEstimator(createVirtualClock(), 1000, mebibyte)
  estimator.received(900)
  assert.equal(estimator.answered(), 1800)
  assert.ok(Number.isFinite(estimator.bytesPerSecond))
})
