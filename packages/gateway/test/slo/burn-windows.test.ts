import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BurnWindows, bucketMs } from '../../src/slo/burn-windows.ts'

interface Event {
  readonly at: number
  readonly good: number
  readonly bad: number
}

/** The events of a window, bucket by bucket, the oldest in part. */
function naive(events: readonly Event[], length: number, now: number): [number, number] {
  const running = Math.floor(now / bucketMs)
  const left = now / bucketMs - running
  const buckets = Math.round(length / bucketMs)
  let good = 0
  let bad = 0
  for (const event of events) {
    const age = running - Math.floor(event.at / bucketMs)
    if (age > buckets) continue
    const weight = age === buckets ? 1 - left : 1
    good += weight * event.good
    bad += weight * event.bad
  }
  return [good, bad]
}

const lengths = [10_000, 60_000, 300_000]
const arrivals = fc.array(
  fc.record({
    wait: fc.oneof(fc.nat(4000), fc.nat(60_000), fc.nat(700_000)),
    good: fc.nat(50),
    bad: fc.nat(50),
  }),
  { maxLength: 60 },
)

function agree(windows: BurnWindows, of: readonly number[], events: readonly Event[], now: number) {
  for (const [i, length] of of.entries()) {
    const { good, bad } = windows.read(i, now)
    const [wantedGood, wantedBad] = naive(events, length, now)
    assert.ok(Math.abs(good - wantedGood) < 1e-6 && Math.abs(bad - wantedBad) < 1e-6)
  }
}

test('windows hold what a list of all events holds', () => {
  fc.assert(
    fc.property(arrivals, fc.nat(400_000), (steps, after) => {
      const windows = new BurnWindows(lengths)
      const events: Event[] = []
      let now = 1234
      for (const { wait, good, bad } of steps) {
        now += wait
        windows.record(good, bad, now)
        events.push({ at: now, good, bad })
        agree(windows, lengths, events, now)
      }
      agree(windows, lengths, events, now + after)
    }),
  )
})

test('windows of other lengths hold what the ring of before still knows', () => {
  fc.assert(
    fc.property(arrivals, (steps) => {
      const windows = new BurnWindows(lengths)
      const events: Event[] = []
      let now = 0
      for (const { wait, good, bad } of steps) {
        now += wait
        windows.record(good, bad, now)
        events.push({ at: now, good, bad })
      }
      const other = [5000, 120_000, 300_000]
      agree(windows.resized(other), other, events, now)
    }),
  )
})

test('a time before the running bucket counts in it and moves nothing back', () => {
  const windows = new BurnWindows(lengths)
  windows.record(1, 0, 20_000)
  windows.record(0, 1, 3000)
  assert.deepEqual(windows.read(0, 3000), { good: 1, bad: 1 })
})
