import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ObjectChange } from '../../src/configuration/object-change.ts'
import { ConfigurationMirror } from '../../src/workers/configuration-mirror.ts'
import type { ConfigurationBatch } from '../../src/workers/protocol.ts'

const change = (key: string, text: string | undefined): ObjectChange => ({
  kind: 'HTTPRoute',
  key,
  text,
  revision: 1,
})
const batch = (
  revision: number,
  changes: ObjectChange[],
  snapshot = false,
): ConfigurationBatch => ({
  changes,
  revision,
  snapshot,
})

describe('ConfigurationMirror', () => {
  it('has nothing to say before the first batch, and an empty snapshot after an empty one', () => {
    const mirror = new ConfigurationMirror()
    assert.deepEqual(mirror.batches(), [])
    mirror.apply(batch(1, []))
    assert.deepEqual(mirror.batches(), [{ changes: [], revision: 1, snapshot: true }])
  })

  it('gives the last good version first where the newest is not valid', () => {
    const mirror = new ConfigurationMirror()
    const good = batch(1, [change('a', 'good'), change('b', 'b')])
    mirror.apply(good)
    mirror.confirm(good, [])
    const bad = batch(2, [change('a', 'bad')])
    mirror.apply(bad)
    mirror.confirm(bad, ['HTTPRoute a'])
    assert.deepEqual(mirror.batches(), [
      { changes: [change('a', 'good'), change('b', 'b')], revision: 2, snapshot: true },
      { changes: [change('a', 'bad')], revision: 2, snapshot: false },
    ])
  })

  it('brings an empty configuration to the state that all batches together have', () => {
    const one = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      text: fc.option(fc.constantFrom('1', '2'), { nil: undefined }),
    })
    const batches = fc.array(fc.record({ changes: fc.array(one), snapshot: fc.boolean() }), {
      minLength: 1,
    })
    fc.assert(
      fc.property(batches, (all) => {
        const mirror = new ConfigurationMirror()
        const state = new Map<string, string>()
        const play = (changes: readonly ObjectChange[], snapshot: boolean): void => {
          if (snapshot) state.clear()
          for (const { key, text } of changes)
            if (text === undefined) state.delete(key)
            else state.set(key, text)
        }
        all.forEach(({ changes, snapshot }, i) => {
          const made = batch(
            i,
            changes.map(({ key, text }) => change(key, text)),
            snapshot,
          )
          mirror.apply(made)
          mirror.confirm(made, [])
          play(made.changes, snapshot)
        })
        const expected = new Map(state)
        state.clear()
        for (const { changes, snapshot } of mirror.batches()) play(changes, snapshot)
        assert.deepEqual(state, expected)
      }),
    )
  })
})
