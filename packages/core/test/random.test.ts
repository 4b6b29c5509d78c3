import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, realRandom } from '@tidemill/core'

describe('random', () => {
  it('repeats a sequence for its seed and another for another', () => {
    const take = (seed: number): number[] => {
      const random = createSeededRandom(seed)
      return Array.from({ length: 20 }, () => random.integer(1000))
    }
    assert.deepEqual(take(7), take(7))
    assert.notDeepEqual(take(7), take(8))
  })

  for (const [name, random] of [
    ['seeded', createSeededRandom(3)],
    ['real', realRandom],
  ] as const) {
    it(`stays in range and fills bytes (${name})`, () => {
      const counts = new Array<number>(8).fill(0)
      for (let i = 0; i < 8000; i++) {
        const next = random.next()
        assert.ok(next >= 0 && next < 1)
        const at = random.integer(8)
        counts[at] = (counts[at] ?? 0) + 1
      }
      for (const count of counts) assert.ok(count > 800 && count < 1200, String(counts))
      const bytes = new Uint8Array(64)
      assert.equal(random.bytes(bytes), bytes)
      assert.ok(bytes.some((byte) => byte !== 0))
    })
  }
})
