import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { diffObjects, type NamedObject } from '../../src/manifest/object-diff.ts'

function object(kind: string, key: string, fields: Readonly<Record<string, unknown>>): NamedObject {
  return { kind, key, object: { kind, ...fields } }
}

describe('difference of two sets of objects', () => {
  it('names what came, what went, and each changed field', () => {
    const before = [
      object('HTTPRoute', 'a/x', { spec: { hostnames: ['a.com'], rules: [{ name: 'one' }] } }),
      object('HTTPRoute', 'a/gone', {}),
      object('HTTPRoute', 'a/same', { spec: {} }),
    ]
    const after = [
      object('HTTPRoute', 'a/x', {
        spec: { hostnames: ['a.com', 'b.com'], rules: [{ name: 'two' }] },
      }),
      object('GRPCRoute', 'a/gone', {}),
      object('HTTPRoute', 'a/same', { spec: {} }),
    ]
    const { added, removed, changed } = diffObjects(before, after)
    assert.deepEqual(
      added.map((one) => `${one.kind} ${one.key}`),
      ['GRPCRoute a/gone'],
    )
    assert.deepEqual(
      removed.map((one) => `${one.kind} ${one.key}`),
      ['HTTPRoute a/gone'],
    )
    assert.deepEqual(changed, [
      {
        kind: 'HTTPRoute',
        key: 'a/x',
        fields: [
          { path: '/spec/hostnames/1', before: undefined, after: 'b.com' },
          { path: '/spec/rules/0/name', before: 'one', after: 'two' },
        ],
      },
    ])
  })

  it('does not look at what a store writes by itself', () => {
    const before = [object('Gateway', 'a/x', { metadata: { name: 'x' } })]
    const metadata = { name: 'x', uid: '1', generation: 2, resourceVersion: '5' }
    const after = [object('Gateway', 'a/x', { metadata, status: { conditions: [] } })]
    assert.deepEqual(diffObjects(before, after).changed, [])
  })

  it('shows that a Secret changed, not what is in it', () => {
    const before = [object('Secret', 'a/x', { data: { key: 'b2xk' } })]
    const after = [object('Secret', 'a/x', { data: { key: 'bmV3', more: 'eA==' } })]
    assert.deepEqual(diffObjects(before, after).changed[0]?.fields, [
      { path: '/data/key', before: '***', after: '***' },
      { path: '/data/more', before: undefined, after: '***' },
    ])
  })
})
