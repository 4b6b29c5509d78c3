import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NameTable } from '../../src/listener/name-table.ts'

describe('NameTable', () => {
  it('prefers the exact name, then the longest wildcard, then the one for all', () => {
    const table = new NameTable<string>()
    for (const name of ['', '*.example.com', '*.b.example.com', 'a.b.example.com'])
      table.add(name, name)
    assert.equal(table.find('a.b.example.com'), 'a.b.example.com')
    assert.equal(table.find('x.b.example.com'), '*.b.example.com')
    assert.equal(table.find('x.y.b.example.com'), '*.b.example.com')
    assert.equal(table.find('b.example.com'), '*.example.com')
    assert.equal(table.find('example.com'), '')
    assert.equal(table.find('.example.com'), '')
    assert.equal(table.find(''), '')
  })

  it('finds nothing without a name for all, and the first of equal names', () => {
    const table = new NameTable<number>()
    table.add('a.test', 1)
    table.add('a.test', 2)
    table.add('*.a.test', 3)
    table.add('*.a.test', 4)
    assert.equal(table.find('a.test'), 1)
    assert.equal(table.find('b.a.test'), 3)
    assert.equal(table.find('b.test'), undefined)
  })

  it('agrees with a scan over all names', () => {
    const label = fc.constantFrom('a', 'b', 'c')
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
    const entry = fc.oneof(
      name,
      name.map((one) => `*.${one}`),
      fc.constant(''),
    )
    fc.assert(
      fc.property(fc.uniqueArray(entry), name, (entries, asked) => {
        const table = new NameTable<string>()
        for (const one of entries) table.add(one, one)
        const fitting = entries
          .filter(
            (one) =>
              one === asked ||
              one === '' ||
              (one.startsWith('*.') &&
                asked.endsWith(one.slice(1)) &&
                asked.length > one.length - 1),
          )
          .toSorted((x, y) => Number(y === asked) - Number(x === asked) || y.length - x.length)
        assert.equal(table.find(asked), fitting[0])
      }),
    )
  })
})
