import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRing, type RingConsumer, ringConsumer, ringProducer } from '@tidemill/core'
import fc from 'fast-check'

const wrap = 2 ** 31 - 1

function take(consumer: RingConsumer, most?: number): number[][] {
  const taken: number[][] = []
  consumer.drain((bytes, start, end) => taken.push([...bytes.subarray(start, end)]), most)
  return taken
}

describe('ring', () => {
  it('refuses a capacity that is not a power of two and a slot of no size', () => {
    for (const capacity of [0, 3, -4, 1.5, 2 ** 25, Number.NaN]) {
      assert.throws(() => createRing({ capacity }), { code: 'TM_CORE_RING_OPTIONS' })
    }
    assert.throws(() => createRing({ capacity: 2, slotBytes: 0 }), { code: 'TM_CORE_RING_OPTIONS' })
  })

  it('refuses a message larger than a slot and never cuts one', () => {
    const memory = createRing({ capacity: 2, slotBytes: 60 })
    const producer = ringProducer(memory)
    assert.throws(() => producer.tryPush(new Uint8Array(61)), { code: 'TM_CORE_RING_OVERSIZE' })
    assert.ok(producer.tryPush(new Uint8Array(60)))
    assert.equal(take(ringConsumer(memory))[0]?.length, 60)
  })

  it('says false and counts when full, and takes again once a slot is given back', () => {
    const memory = createRing({ capacity: 2 })
    const producer = ringProducer(memory)
    const consumer = ringConsumer(memory)
    assert.deepEqual(
      [1, 2, 3].map((n) => producer.tryPush(Uint8Array.of(n))),
      [true, true, false],
    )
    assert.equal(producer.rejected, 1)
    assert.deepEqual(take(consumer, 1), [[1]])
    assert.ok(producer.tryPush(Uint8Array.of(9, 4, 9), 1, 2))
    assert.deepEqual(take(consumer), [[2], [4]])
  })

  it('behaves as a bounded queue from any start, across the wrap at 2^31 too', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ push: fc.uint8Array({ maxLength: 20 }) }) },
      { weight: 1, arbitrary: fc.record({ drain: fc.nat(6) }) },
    )
    const start = fc.constantFrom(0, -1, -5, wrap - 3, wrap, -(2 ** 31))
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 100 }), (first, steps) => {
        const memory = createRing({ capacity: 4, slotBytes: 20, start: first })
        const producer = ringProducer(memory)
        const consumer = ringConsumer(memory)
        const model: number[][] = []
        for (const each of steps) {
          if ('push' in each) {
            assert.equal(producer.tryPush(each.push), model.length < 4)
            if (model.length < 4) model.push([...each.push])
          } else assert.deepEqual(take(consumer, each.drain), model.splice(0, each.drain))
          assert.equal(producer.size, model.length)
          assert.equal(consumer.size, model.length)
        }
      }),
    )
  })

  it('counts a message whose handler throws as read', () => {
    const memory = createRing({ capacity: 4 })
    const producer = ringProducer(memory)
    const consumer = ringConsumer(memory)
    for (const n of [1, 2]) producer.tryPush(Uint8Array.of(n))
    const broken = (): never => {
      throw new Error('broken')
    }
    assert.throws(() => consumer.drain(broken), /broken/u)
    assert.deepEqual(take(consumer), [[2]])
  })

  it('does not sleep when a message is there, and says so when none came', async () => {
    const memory = createRing({ capacity: 4 })
    const consumer = ringConsumer(memory)
    assert.equal(consumer.park(1), false)
    assert.equal(await consumer.parkAsync(0), false)
    ringProducer(memory).tryPush(Uint8Array.of(1))
    assert.equal(consumer.park(), true)
    assert.equal(await consumer.parkAsync(), true)
  })
})
