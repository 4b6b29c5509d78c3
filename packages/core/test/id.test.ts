import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createUuid7, createVirtualClock, realRandom } from '@tidemill/core'

describe('uuid7', () => {
  it('has the layout of RFC 9562 section 5.7 and the time in front', () => {
    const clock = createVirtualClock(0x0190_1234_5678)
    const id = createUuid7(clock, realRandom)()
    assert.match(id, /^01901234-5678-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u)
  })

  it('rises strictly within a millisecond, past the end of its counter and through a clock step back', () => {
    const clock = createVirtualClock()
    const next = createUuid7(clock, createSeededRandom(1))
    let last = ''
    for (let i = 0; i < 20_000; i++) {
      if (i === 10_000) clock.step(-60_000)
      const id = next()
      assert.ok(id > last, `${id} after ${last}`)
      last = id
    }
  })

  it('gives different ids from two makers at one time', () => {
    const clock = createVirtualClock()
    const makers = [createUuid7(clock, realRandom), createUuid7(clock, realRandom)]
    const ids = makers.flatMap((make) => Array.from({ length: 1000 }, make))
    assert.equal(new Set(ids).size, 2000)
  })
})
