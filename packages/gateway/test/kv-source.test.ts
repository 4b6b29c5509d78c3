import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLogger } from '@tidemill/core'
import type { Kv, Watch } from '@tidemill/kv'
import type { Configuration } from '../src/configuration.ts'
import { followKv, type KvSource } from '../src/kv-source.ts'

/** A source whose kv has sent revision 1 and then nothing more, until its watch ends as the test says. */
async function quietSource(): Promise<KvSource & { readonly fail: (error: Error) => void }> {
  const { promise: ended, resolve, reject } = Promise.withResolvers<undefined>()
  const watch = {
    ended,
    on(handler: (batch: object) => void) {
      handler({ revision: 1, changes: [], cause: 'resync', snapshot: true })
    },
    close() {
      resolve(undefined)
      return ended
    },
  } as unknown as Watch
  const configuration = { apply: () => 0 } as unknown as Configuration
  const kv = { watch: () => watch } as unknown as Kv
  return { ...(await followKv(kv, '/gw', configuration, silentLogger)), fail: reject }
}

describe('kv source', () => {
  it('rejects who waits for a revision, then and later, when it is closed', async () => {
    const source = await quietSource()
    await source.applied(1)
    const waiting = source.applied(2)
    await source.close()
    await assert.rejects(waiting, { code: 'TM_GATEWAY_CLOSED' })
    await assert.rejects(source.applied(3), { code: 'TM_GATEWAY_CLOSED' })
  })

  it('rejects with the fault of a watch that failed', async () => {
    const source = await quietSource()
    const waiting = source.applied(2)
    const fault = new Error('gone')
    source.fail(fault)
    await assert.rejects(waiting, fault)
  })
})
