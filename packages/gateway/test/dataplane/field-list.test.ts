import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { fieldValue, modifyFields, removeField, setField } from '../../src/dataplane/field-list.ts'

const name = fc.constantFrom('a', 'b', 'set-cookie', 'x-c')
const list = fc
  .array(fc.tuple(name, fc.constantFrom('1', '2', '3')), { maxLength: 8 })
  .map((fields) => fields.flat())

function pairs(flat: readonly string[]): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) out.push([flat[i] as string, flat[i + 1] as string])
  return out
}

it('sets, removes and finds fields as a list of pairs would', () => {
  fc.assert(
    fc.property(list, name, (fields, key) => {
      const set = [...fields]
      setField(set, key, 'new')
      const others = pairs(fields).filter(([other]) => other !== key)
      assert.deepEqual(
        pairs(set).filter(([other]) => other !== key),
        others,
      )
      assert.deepEqual(
        pairs(set).filter(([other]) => other === key),
        [[key, 'new']],
      )
      const removed = [...fields]
      removeField(removed, key)
      assert.deepEqual(pairs(removed), others)
      assert.equal(fieldValue(removed, key), undefined)
      assert.equal(fieldValue(fields, key), pairs(fields).find(([other]) => other === key)?.[1])
    }),
  )
})

it('appends to a field that exists, except to a cookie', () => {
  const fields = ['a', '1', 'set-cookie', 'x=1']
  const add = [
    { name: 'A', value: '2' },
    { name: 'Set-Cookie', value: 'y=1' },
    { name: 'b', value: ' 3 ' },
  ]
  modifyFields(fields, [{ add }])
  assert.deepEqual(fields, ['a', '1,2', 'set-cookie', 'x=1', 'set-cookie', 'y=1', 'b', '3'])
})
