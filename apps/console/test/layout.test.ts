import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { curve, layOut } from '../src/components/layout.ts'
import type { PictureNode } from '@tidemill/platform/documents'

const node = (id: string): PictureNode => ({
  id,
  kind: 'service',
  label: id,
  state: 'ok',
  facts: {},
})
const edge = (from: string, to: string) => ({ from, to, rps: 0, errorRatio: 0, p99Ms: null })

describe('layOut', () => {
  it('puts each node after those that lead to it and leaves edges to unknown nodes out', () => {
    const { nodes, edges } = layOut(
      [node('c'), node('b'), node('a')],
      [edge('a', 'b'), edge('b', 'c'), edge('a', 'gone')],
      'LR',
    )
    const x = new Map(nodes.map((placed) => [placed.node.id, placed.x]))
    assert.ok((x.get('a') ?? 0) < (x.get('b') ?? 0))
    assert.ok((x.get('b') ?? 0) < (x.get('c') ?? 0))
    assert.deepEqual(edges.map(({ key }) => key).toSorted(), ['a>b', 'b>c'])
  })
  it('lays two hundred nodes out', () => {
    const nodes = Array.from({ length: 200 }, (_, i) => node(`n${i}`))
    const edges = nodes.slice(1).map((one, i) => edge(`n${Math.floor(i / 3)}`, one.id))
    assert.equal(layOut(nodes, edges, 'TB').nodes.length, 200)
  })
})

describe('curve', () => {
  it('starts at the first and ends at the last point', () => {
    const path = curve([
      { x: 0, y: 0 },
      { x: 10, y: 5 },
      { x: 20, y: 0 },
    ])
    assert.match(path, /^M0\.0 0\.0 .*L20\.0 0\.0$/u)
    assert.equal(curve([]), '')
  })
})
