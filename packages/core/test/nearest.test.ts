import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nearest } from '@tidemill/core'

describe('nearest', () => {
  const words = ['quantity', 'sku', 'unitPrice', 'currency']

  it('finds what was meant behind a slip', () => {
    assert.equal(nearest('quantty', words), 'quantity')
    assert.equal(nearest('unitprice', words), 'unitPrice')
    assert.equal(nearest('suk', words), 'sku')
  })

  it('suggests nothing for a word that is like none', () => {
    assert.equal(nearest('banana', words), undefined)
    assert.equal(nearest('x', words), undefined)
    assert.equal(nearest('sku', []), undefined)
  })

  it('does not spend time on a word that nobody types', () => {
    assert.equal(nearest('x'.repeat(1_000_000), ['x'.repeat(1_000_000)]), undefined)
  })
})
