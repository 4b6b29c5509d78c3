import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatHundredths, isCurrency, parseHundredths } from '@tidemill/shop'

describe('money', () => {
  it('reads what it wrote, for every amount', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e11, max: 1e11 }), (amount) => {
        const exact = amount === 0 ? 0 : amount
        assert.equal(parseHundredths(formatHundredths(exact)), exact)
      }),
    )
  })

  it('reads decimals exactly, where floats would round', () => {
    assert.equal(parseHundredths('1.15'), 115)
    assert.equal(parseHundredths('8.2'), 820)
    assert.equal(parseHundredths('38970'), 3_897_000)
    assert.equal(parseHundredths('-11062.06'), -1_106_206)
    assert.equal(parseHundredths('2.5500'), 255)
    assert.equal(parseHundredths('-0.00'), 0)
  })

  it('tells an amount below a penny from no amount at all', () => {
    assert.equal(parseHundredths('0.001'), null)
    for (const text of ['', '.5', '1.', '1e3', '0x10', '1,5', ' 1', 'NaN', '12345678901']) {
      assert.equal(parseHundredths(text), undefined, text)
    }
  })

  it('takes currencies that are money', () => {
    assert.ok(isCurrency('GBP') && isCurrency('JPY') && isCurrency('XOF'))
    assert.ok(!isCurrency('XAU') && !isCurrency('ABC') && !isCurrency('gbp'))
  })
})
