import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RecentLatency } from '../src/recent-latency.ts'

describe('recent latency', () => {
  it('holds the last five to ten seconds and forgets what is older', () => {
    const recent = new RecentLatency()
    recent.record(900, 1000)
    recent.record(3, 6000)
    assert.deepEqual([recent.read(6000).count, recent.read(9999).max], [2, 900])
    assert.deepEqual([recent.read(10_000).count, recent.read(10_000).max], [1, 3])
    assert.equal(recent.read(15_000).count, 0)
  })

  it('forgets all after a longer silence', () => {
    const recent = new RecentLatency()
    recent.record(900, 1000)
    recent.record(901, 6000)
    recent.record(5, 60_000)
    assert.deepEqual([recent.read(60_000).count, recent.read(60_000).max], [1, 5])
  })
})
