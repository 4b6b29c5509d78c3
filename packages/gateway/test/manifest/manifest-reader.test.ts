import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ManifestProblem, readManifests } from '../../src/manifest/manifest-reader.ts'

const route = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: web
  creationTimestamp: null
spec:
  rules:
    - matches:
        - path:
            type: PathPrefix
            value: /api
      backendRefs:
        - name: web
          port: 80
`

function shown(problems: readonly ManifestProblem[]): string[] {
  return problems.map(
    (one) => `${one.severity} ${one.file}:${one.line}:${one.column} ${one.object} ${one.path}`,
  )
}

describe('manifests', () => {
  it('are YAML documents, JSON, and lists of objects', () => {
    const json = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }],
    })
    const { objects, problems } = readManifests(`${route}---\n${json}\n---\n# nothing\n`, 'a.yaml')
    assert.deepEqual(problems, [])
    assert.deepEqual(
      objects.map((one) => [one.kind, one.key, one.line]),
      [
        ['HTTPRoute', 'default/web', 1],
        ['Namespace', 'shop', 16],
      ],
    )
    const [first] = objects
    assert.deepEqual(first?.object['metadata'], { name: 'web' })
  })

  it('report every problem at its line and column', () => {
    const text = route
      .replace('type: PathPrefix', 'type: Prefix')
      .replace('port: 80', 'port: 80000')
      .replace('backendRefs', 'backendrefs')
    const { objects, rejected, problems } = readManifests(`# one\n${text}`, 'a.yaml')
    assert.deepEqual(objects, [])
    assert.deepEqual(
      rejected.map((one) => one.key),
      ['default/web'],
    )
    assert.deepEqual(shown(problems), [
      'error a.yaml:13:7 HTTPRoute web /spec/rules/0/backendrefs',
      'error a.yaml:11:13 HTTPRoute web /spec/rules/0/matches/0/path/type',
    ])
  })

  it('point at the object when a required field is missing', () => {
    const gateway = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw }
spec:
  gatewayClassName: x
  listeners:
    - name: http
      protocol: HTTP
`
    assert.deepEqual(shown(readManifests(gateway, 'g.yaml').problems), [
      'error g.yaml:7:7 Gateway gw /spec/listeners/0/port',
    ])
  })

  it('skip kinds that are not read with a warning, and guess what was meant', () => {
    const text = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoutes
metadata: { name: web }
`
    const { objects, problems } = readManifests(text, 'a.yaml')
    assert.deepEqual(objects, [])
    assert.deepEqual(shown(problems), [
      'warning a.yaml:2:1 Deployment shop/web /kind',
      'warning a.yaml:6:1 HTTPRoutes web /kind',
    ])
    assert.match(problems[1]?.message ?? '', /did you mean HTTPRoute\?/u)
  })

  it('refuse the second of two objects with one name', () => {
    const { objects, problems } = readManifests(`${route}---\n${route}`, 'a.yaml')
    assert.equal(objects.length, 1)
    assert.deepEqual(shown(problems), ['error a.yaml:19:3 HTTPRoute default/web /metadata/name'])
    assert.equal(problems[0]?.message, 'is there already, at line 1')
  })

  it('refuse what is no YAML or no object, at its place', () => {
    const broken = readManifests('kind: [\n', 'a.yaml')
    assert.equal(broken.broken, true)
    assert.match(broken.problems[0]?.message ?? '', /^must be YAML: /u)
    assert.deepEqual(shown(readManifests('- 1\n', 'a.yaml').problems), ['error a.yaml:1:1  '])
    const twice = readManifests('kind: A\nkind: B\n', 'a.yaml')
    assert.equal(twice.problems[0]?.line, 2)
    assert.equal(readManifests('a'.repeat(17 * 1024 * 1024), 'a.yaml').broken, true)
  })

  it('do not unfold bombs of aliases', () => {
    const levels = Array.from({ length: 12 }, (_, i) => {
      const refs = Array.from({ length: 10 }, () => `*a${i}`).join(', ')
      return `a${i + 1}: &a${i + 1} [${refs}]`
    })
    const bomb = `a0: &a0 [x]\n${levels.join('\n')}\n`
    const { broken, problems } = readManifests(bomb, 'a.yaml')
    assert.equal(broken, true)
    assert.match(problems[0]?.message ?? '', /alias/u)
  })

  it('never show the value of a Secret', () => {
    const text = `apiVersion: v1
kind: Secret
metadata: { name: s }
data: { password: "hunter2!" }
stringData: { other: 5 }
`
    const { problems } = readManifests(text, 'a.yaml')
    assert.equal(problems.length, 2)
    assert.doesNotMatch(JSON.stringify(problems), /hunter2/u)
  })

  it('give the same objects for YAML and for JSON, and throw for nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        const { problems } = readManifests(text, 'x.json')
        assert.equal(
          problems.every((one) => one.line >= 1 && one.column >= 1),
          true,
        )
      }),
      { numRuns: 300 },
    )
    fc.assert(
      fc.property(fc.string(), (text) => {
        readManifests(text, 'x.yaml')
      }),
      { numRuns: 300 },
    )
  })
})
