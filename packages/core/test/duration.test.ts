import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatDuration, parseDuration, TidemillError } from '@tidemill/core'
import fc from 'fast-check'

describe('duration', () => {
  it('reads numbers with units, compound ones too', () => {
    const cases = { '250ms': 250, '5s': 5000, '1.5s': 1500, '1h30m': 5_400_000, '7d': 604_800_000 }
    for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms, text)
  })

  it('refuses what has no unit or does not end in one', () => {
    for (const text of [
      '',
      '5',
      '5 s',
      's',
      '-1s',
      '1s2',
      'x1s',
      '1e3s',
      '5S',
      '.5s',
      `${'9'.repeat(400)}s`,
    ]) {
      assert.throws(
        () => parseDuration(text),
        (error) => TidemillError.is(error, 'TM_CORE_DURATION'),
        text,
      )
    }
  })

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (ms) => {
        assert.equal(parseDuration(formatDuration(ms)), ms)
      }),
    )
    assert.equal(formatDuration(90_000), '1m30s')
    assert.equal(formatDuration(0), '0s')
  })
})
