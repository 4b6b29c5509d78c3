import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gateway, openConfiguration, route } from './fixtures.ts'

const http = '{ name: http, port: 80, protocol: HTTP }'
const allowAll = '  allowedListeners: { namespaces: { from: All } }'

function set(
  name: string,
  listeners: readonly string[],
  more: { readonly namespace?: string; readonly created?: string } = {},
): string {
  const { namespace = 'infra', created } = more
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata:
  name: ${name}
  namespace: ${namespace}
${created === undefined ? '' : `  creationTimestamp: "${created}"`}
spec:
  parentRef: { name: gw, namespace: infra }
  listeners:
${listeners.map((one) => `    - ${one}`).join('\n')}
---
`
}

const named = (name: string, port: number, hostname = ''): string =>
  `{ name: ${name}, port: ${port}, protocol: HTTP${hostname === '' ? '' : `, hostname: ${hostname}`} }`

describe('configuration: ListenerSets', () => {
  it('are not allowed unless the Gateway says so', () => {
    const h = openConfiguration()
    h.apply(gateway('gw', [http]) + set('ls', [named('extra', 81)]))
    assert.deepEqual(h.conditions('ListenerSet infra/ls'), {
      Accepted: 'False NotAllowed',
      Programmed: 'False NotAllowed',
    })
    h.apply(gateway('gw', [http], '  allowedListeners: { namespaces: { from: Same } }'))
    assert.deepEqual(h.conditions('ListenerSet infra/ls'), {
      Accepted: 'True Accepted',
      Programmed: 'True Programmed',
    })
    h.apply(set('other', [named('extra', 82)], { namespace: 'web' }))
    assert.equal(h.conditions('ListenerSet web/other')['Accepted'], 'False NotAllowed')
    assert.equal(h.configuration.sockets().length, 2)
  })

  it('are chosen by labels of their namespace', () => {
    const h = openConfiguration()
    const selector =
      '  allowedListeners: { namespaces: { from: Selector, selector: { matchExpressions: [{ key: team, operator: In, values: [web, shop] }] } } }'
    h.apply(gateway('gw', [http], selector) + set('ls', [named('extra', 81)], { namespace: 'web' }))
    assert.equal(h.conditions('ListenerSet web/ls')['Accepted'], 'False NotAllowed')
    h.apply('{ apiVersion: v1, kind: Namespace, metadata: { name: web, labels: { team: shop } } }')
    assert.equal(h.conditions('ListenerSet web/ls')['Accepted'], 'True Accepted')
  })

  it('carry the routes that name them, and only those', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [http], allowAll) +
        set('ls', [named('extra', 81)]) +
        route('a', '  parentRefs: [{ kind: ListenerSet, name: ls }]') +
        route('b', '  parentRefs: [{ name: gw, sectionName: extra }]') +
        route('c', '  parentRefs: [{ name: gw }]'),
    )
    assert.equal(h.route({ gateway: 'infra/gw', listener: 'extra' }, { path: '/' }), 'infra/a#0')
    assert.equal(h.attached('ListenerSet infra/ls', 'extra'), 1)
    assert.equal(h.attached('Gateway infra/gw', 'http'), 1)
    assert.equal(h.parents('HTTPRoute infra/b')[0]?.['Accepted'], 'False NoMatchingParent')
    h.remove('ListenerSet infra/ls')
    assert.equal(h.parents('HTTPRoute infra/a')[0]?.['Accepted'], 'False NoMatchingParent')
    h.apply(set('ls', [named('extra', 81)]))
    assert.equal(h.parents('HTTPRoute infra/a')[0]?.['Accepted'], 'True Accepted')
  })

  it('give way to the Gateway and to older sets for a hostname', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [named('own', 80, 'a.com')], allowAll) +
        set('young', [named('x', 80, 'b.com')], { created: '2026-01-02T00:00:00Z' }) +
        set('old', [named('x', 80, 'b.com'), named('y', 80, 'a.com')], {
          created: '2026-01-01T00:00:00Z',
        }),
    )
    assert.deepEqual(h.conditions('ListenerSet infra/young'), {
      Accepted: 'False ListenersNotValid',
      Programmed: 'False ListenersNotValid',
    })
    assert.deepEqual(h.listener('ListenerSet infra/young', 'x'), {
      Accepted: 'False HostnameConflict',
      Programmed: 'False HostnameConflict',
      ResolvedRefs: 'True ResolvedRefs',
      Conflicted: 'True HostnameConflict',
    })
    assert.equal(h.conditions('ListenerSet infra/old')['Accepted'], 'True ListenersNotValid')
    assert.equal(h.listener('ListenerSet infra/old', 'x')['Conflicted'], 'False NoConflicts')
    assert.equal(h.listener('ListenerSet infra/old', 'y')['Conflicted'], 'True HostnameConflict')
    assert.equal(h.conditions('Gateway infra/gw')['Accepted'], 'True Accepted')
  })

  it('give way to the Gateway for the protocol of a port', () => {
    const h = openConfiguration()
    h.apply(gateway('gw', [http], allowAll) + set('ls', ['{ name: tcp, port: 80, protocol: TCP }']))
    assert.equal(h.listener('ListenerSet infra/ls', 'tcp')['Conflicted'], 'True ProtocolConflict')
    assert.equal(h.listener('Gateway infra/gw', 'http')['Conflicted'], 'False NoConflicts')
  })

  it('wait for their Gateway', () => {
    const h = openConfiguration()
    h.apply(set('ls', [named('x', 81)]))
    assert.equal(h.conditions('ListenerSet infra/ls')['Accepted'], 'False ParentNotAccepted')
  })
})
