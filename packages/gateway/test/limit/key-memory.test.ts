import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { createLimiter, type LimitSpec } from '../../src/limit/index.ts'

function spec(maxKeys: number, burst = 3, per = '1h'): LimitSpec {
  return { name: 'm', rate: { requests: burst, per, burst }, maxKeys }
}

describe('memory of limited keys', () => {
  it('stays bounded over 10 million keys, below 64 bytes for each key of the bound', () => {
    const limiter = createLimiter(spec(100_000), { clock: createVirtualClock() })
    let most = 0
    const before = process.memoryUsage()
    for (let i = 0; i < 10_000_000; i++) {
      limiter.check(`10.${i}`, 1, 0, i / 1000)
      if (i % 100_000 === 0) most = Math.max(most, limiter.bytes)
    }
    const after = process.memoryUsage()
    assert.ok(most <= 64 * 100_000, `${most} bytes`)
    assert.ok(limiter.keys <= 200_000)
    // Tables lie outside of the heap; both together must not grow with the keys that passed by.
    const grown = after.arrayBuffers - before.arrayBuffers
    assert.ok(grown < 32 * 1024 * 1024, `${grown} bytes`)
  })

  it('remembers every key within the bound exactly', () => {
    const limiter = createLimiter(spec(20_000), { clock: createVirtualClock() })
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20_000; i++) assert.ok(limiter.check(`key-${i}`, 1, 0, 5))
    }
    for (let i = 0; i < 20_000; i++) assert.equal(limiter.check(`key-${i}`, 1, 0, 5), false)
  })

  it('remembers a busy key in a flood of others', () => {
    const limiter = createLimiter(spec(1000), { clock: createVirtualClock() })
    for (let i = 0; i < 3; i++) assert.ok(limiter.check('busy', 1, 0, 1))
    for (let i = 0; i < 100_000; i++) {
      limiter.check(`flood-${i}`, 1, 0, 1)
      if (i % 500 === 0) assert.equal(limiter.check('busy', 1, 0, 1), false, `after ${i}`)
    }
  })

  it('does not give a key its burst back when a flood made it forgotten', () => {
    const limiter = createLimiter(spec(1000), { clock: createVirtualClock() })
    const keys = Array.from({ length: 20 }, (_, i) => `spent-${i}`)
    for (const key of keys) assert.ok(limiter.check(key, 3, 0, 1))
    for (let i = 0; i < 20_000; i++) limiter.check(`flood-${i}`, 1, 0, 1)
    for (const key of keys) assert.equal(limiter.check(key, 2, 0, 1), false, key)
  })

  it('takes nothing from strangers of a flood', () => {
    const limiter = createLimiter(spec(1000, 5), { clock: createVirtualClock() })
    for (let i = 0; i < 20_000; i++) limiter.check(`flood-${i}`, 1, 0, 1)
    for (let i = 0; i < 1000; i++) assert.ok(limiter.check(`stranger-${i}`, 5, 0, 1))
  })

  it('gives memory back after the rush', () => {
    const limiter = createLimiter(spec(100_000, 3, '1s'), { clock: createVirtualClock() })
    for (let i = 0; i < 100_000; i++) limiter.check(`rush-${i}`, 1, 0, 1)
    const rush = limiter.bytes
    for (let minute = 1; minute < 20; minute++)
      limiter.check(`calm-${minute}`, 1, 0, minute * 61_000)
    assert.ok(limiter.bytes < rush / 8, `${limiter.bytes} of ${rush}`)
  })
})
