import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatTimeout, parseTimeout } from '../../src/wire/timeout.ts'

describe('grpc-timeout', () => {
  it('reads every unit as milliseconds', () => {
    assert.deepEqual(
      ['1H', '2M', '3S', '4m', '5u', '6n', '99999999S'].map(parseTimeout),
      [3_600_000, 120_000, 3000, 4, 0.005, 0.000006, 99_999_999_000],
    )
  })

  it('refuses nine digits, other units, signs, blanks and nothing', () => {
    for (const text of [
      '',
      'S',
      '1',
      '123456789S',
      '1s',
      '-1S',
      '+1S',
      ' 1S',
      '1.5S',
      '1S ',
      '0x1S',
    ]) {
      assert.equal(parseTimeout(text), -1, text)
    }
  })

  it('writes the finest unit that fits eight digits', () => {
    assert.equal(formatTimeout(50), '50000u')
    assert.equal(formatTimeout(0.0005), '500n')
    assert.equal(formatTimeout(200_000), '200000m')
    assert.equal(formatTimeout(0), '0n')
    assert.equal(formatTimeout(-3), '0n')
    assert.equal(formatTimeout(1e18), '99999999H')
  })

  it('never tells the server less than the client has, and little more', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (ms) => {
        const text = formatTimeout(ms)
        const read = parseTimeout(text)
        return text.length <= 9 && read >= ms * (1 - 1e-9) && read <= ms * 1.001 + 1e-3
      }),
    )
  })
})
