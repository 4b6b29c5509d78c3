import { createVirtualClock } from '@tidemill/core'
import { openKv } from '@tidemill/kv'
import { kvContract } from '@tidemill/kv/testing'

const clock = createVirtualClock()

kvContract('sqlite in memory', () => openKv({ url: 'sqlite::memory:', clock }), {
  async passTime(kv, ms) {
    // In steps with an answer from the store in between: the store's thread must keep up with the clock.
    for (let passed = 0; passed < ms; passed += 250) {
      await clock.advance(250)
      await kv.status()
    }
  },
})
