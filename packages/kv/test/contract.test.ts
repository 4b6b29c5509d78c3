import { after } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { type Kv, openKv } from '@tidemill/kv'
import { kvContract } from '@tidemill/kv/testing'

const clock = createVirtualClock()
let shared: Promise<Kv> | undefined

/** One store for all tests, emptied instead of closed: starting a thread for each takes longer than the tests. */
async function lend(): Promise<Kv> {
  const kv = await (shared ??= openKv({ url: 'sqlite::memory:', clock }))
  const empty = async (): Promise<void> => {
    for (const id of await kv.leases.list()) await kv.leases.revoke(id)
    await kv.delete({ key: '\0', end: '\0' })
  }
  return { ...kv, close: empty, [Symbol.asyncDispose]: empty }
}

after(async () => {
  const kv = await shared
  await kv?.close()
})

kvContract('sqlite in memory', lend, {
  async passTime(kv, ms) {
    // In steps with an answer from the store in between: the store's thread must keep up with the clock.
    for (let passed = 0; passed < ms; passed += 250) {
      await clock.advance(250)
      await kv.status()
    }
  },
})
