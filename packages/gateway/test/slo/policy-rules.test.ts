import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { policyRules } from '../../src/slo/index.ts'

const policy = (name: string, slo?: unknown) => ({
  kind: 'RoutePolicy',
  object: {
    apiVersion: 'gateway.tidemill.dev/v1',
    kind: 'RoutePolicy',
    metadata: { name, namespace: 'shop' },
    spec: {
      targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name }],
      ...(slo === undefined ? {} : { slo }),
    },
  },
})

describe('the rules of manifests', () => {
  it('are one file with the groups of every objective, each about its own route', () => {
    const text = policyRules([
      policy('order', { objective: 99.9 }),
      policy('none'),
      policy('pay', { objective: 99 }),
    ])
    assert.equal(text?.match(/^groups:$/gmu)?.length, 1)
    assert.match(text ?? '', /route=\\"shop\/order\\"/u)
    assert.match(text ?? '', /route=\\"shop\/pay\\"/u)
    assert.ok(!text?.includes('shop/none'))
  })

  it('are none without an objective', () => {
    assert.equal(policyRules([policy('order'), { kind: 'Gateway', object: {} }]), undefined)
  })
})
