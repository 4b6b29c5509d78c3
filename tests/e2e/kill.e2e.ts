import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { settled } from './lib/order.ts'
import { eventually, json, start, temporaryFolder, up } from './lib/tidemill.ts'

const rounds = 20

/** A repeatable sequence in [0, 1), so that a failing round can be run again. */
function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}

/** The ids in a log whose last line may be cut. */
function idsIn(log: string): readonly string[] {
  const text = existsSync(log) ? readFileSync(log, 'utf8') : ''
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  return whole.split('\n').filter((id) => id !== '')
}

describe('kill -9 of the whole process during demo', () => {
  const random = chance(20_111_101)
  for (let round = 1; round <= rounds; round++) {
    // Every fifth round dies while it starts; the others between the first orders and some thousand later.
    const starting = round % 5 === 0
    const delay = Math.round(starting ? 100 + random() * 1200 : random() * 2500)
    const when = starting ? `${delay} ms after its start` : `${delay} ms after the first answer`
    it(`round ${round}, ${when}: every acknowledged order ends and the books balance`, async (t) => {
      const folder = temporaryFolder(t)
      const data = path.join(folder, 'data')
      const log = path.join(folder, 'acknowledged')
      const options = ['--orders', 'synthetic', '--count', '20000', '--seed', String(round)]
      const demo = start(t, 'demo', ...options, '--data', data, '--acknowledged', log, '--json')
      if (!starting) {
        await eventually('the first answer', async () => (existsSync(log) ? true : undefined), 60)
      }
      await sleep(delay)
      demo.child.kill('SIGKILL')
      await demo.finished
      const acknowledged = idsIn(log)
      assert.ok(starting || acknowledged.length > 0, 'no order was acknowledged before the kill')

      const { console: url, gateway, child, finished } = await up(t, '--data', data)
      const { holds, invariants } = await json<{
        readonly holds: boolean
        readonly invariants: readonly {
          readonly name: string
          readonly holds: boolean
          readonly detail: string
        }[]
      }>(t, ['verify', '--url', url])
      const broken = invariants.filter((invariant) => !invariant.holds)
      assert.deepEqual(broken, [], JSON.stringify(broken))
      assert.equal(holds, true)
      for (const id of acknowledged) {
        const { state } = await settled(gateway, id)
        assert.ok(state === 'confirmed' || state === 'cancelled', `${id} is ${state}`)
      }
      t.diagnostic(`${acknowledged.length} acknowledged orders checked`)
      child.kill('SIGTERM')
      assert.equal((await finished).code, 0)
    })
  }
})
