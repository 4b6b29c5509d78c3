import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { StreamPlan } from '../../src/listener/listener-plan.ts'
import { gateway, type Harness, openConfiguration, route, service } from './fixtures.ts'

const tcp = '{ name: tcp, port: 9000, protocol: TCP }'
const udp = '{ name: udp, port: 9000, protocol: UDP }'
const pass = (hostname: string): string =>
  `{ name: pass, port: 443, protocol: TLS, hostname: "${hostname}", tls: { mode: Passthrough } }`

function streams(h: Harness, name: string): readonly StreamPlan[] {
  const listeners = h.configuration.sockets().flatMap((socket) => socket.listeners)
  return listeners.find((one) => one.name === name)?.streams ?? []
}

describe('configuration: routes of bytes', () => {
  it('gives TCP and UDP listeners their backends by weight, the oldest route first', () => {
    const h = openConfiguration()
    const refs =
      '[{ backendRefs: [{ name: backend, port: 80, weight: 3 }, { name: other, port: 80 }] }]'
    h.apply(
      gateway('gw', [tcp, udp]) +
        service('backend') +
        service('other') +
        route('young', '  parentRefs: [{ name: gw }]', {
          kind: 'TCPRoute',
          created: '2026-01-02T00:00:00Z',
        }) +
        route('old', '  parentRefs: [{ name: gw }]', {
          kind: 'TCPRoute',
          created: '2026-01-01T00:00:00Z',
          rules: refs,
        }) +
        route('u', '  parentRefs: [{ name: gw, sectionName: udp }]', { kind: 'UDPRoute' }),
    )
    assert.deepEqual(
      streams(h, 'tcp').map((stream) => [
        stream.route,
        stream.totalWeight,
        stream.backends.map((one) => one.cluster.name),
      ]),
      [
        ['TCPRoute/infra/old', 4, ['infra/backend:80', 'infra/other:80']],
        ['TCPRoute/infra/young', 1, ['infra/backend:80']],
      ],
    )
    assert.equal(h.attached('Gateway infra/gw', 'tcp'), 2)
    assert.deepEqual(
      streams(h, 'udp').map((stream) => stream.route),
      ['UDPRoute/infra/u'],
    )
    assert.equal(h.parents('UDPRoute infra/u')[0]?.['ResolvedRefs'], 'False UnsupportedProtocol')
  })

  it('tells whoever listens that the sockets changed, once for a batch', () => {
    const h = openConfiguration()
    let calls = 0
    h.configuration.onSockets(() => calls++)
    h.apply(gateway('gw', [tcp]) + route('a', '  parentRefs: [{ name: gw }]', { kind: 'TCPRoute' }))
    assert.equal(calls, 1)
    const [before] = h.configuration.sockets()
    h.remove('TCPRoute infra/a')
    assert.equal(calls, 2)
    assert.notEqual(h.configuration.sockets()[0], before)
    assert.deepEqual(streams(h, 'tcp'), [])
  })

  it('gives a TLSRoute the names that it shares with the listener', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [pass('*.example.com')]) +
        route('a', '  parentRefs: [{ name: gw }]\n  hostnames: [a.example.com, b.org]', {
          kind: 'TLSRoute',
        }) +
        route('b', '  parentRefs: [{ name: gw }]\n  hostnames: [b.org]', { kind: 'TLSRoute' }),
    )
    assert.deepEqual(
      streams(h, 'pass').map((stream) => [stream.route, stream.hostnames]),
      [['TLSRoute/infra/a', ['a.example.com']]],
    )
    assert.equal(h.parents('TLSRoute infra/b')[0]?.['Accepted'], 'False NoMatchingListenerHostname')
    h.apply(gateway('gw', ['{ name: pass, port: 443, protocol: TLS, tls: { mode: Passthrough } }']))
    assert.equal(streams(h, 'pass').length, 2)
  })

  it('refuses routes that the protocol of a listener does not carry', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [pass('a.com')]) +
        route('t', '  parentRefs: [{ name: gw }]', { kind: 'TCPRoute' }) +
        route('u', '  parentRefs: [{ name: gw }]', { kind: 'UDPRoute' }),
    )
    assert.equal(h.parents('TCPRoute infra/t')[0]?.['Accepted'], 'False NotAllowedByListeners')
    assert.equal(h.parents('UDPRoute infra/u')[0]?.['Accepted'], 'False NotAllowedByListeners')
  })

  it('leaves the share of a backend that may not be used without hosts', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [tcp]) +
        service('backend', undefined, 'web') +
        route('a', '  parentRefs: [{ name: gw }]', {
          kind: 'TCPRoute',
          rules: '[{ backendRefs: [{ name: backend, namespace: web, port: 80 }] }]',
        }),
    )
    assert.equal(h.parents('TCPRoute infra/a')[0]?.['ResolvedRefs'], 'False RefNotPermitted')
    assert.deepEqual(
      streams(h, 'tcp')[0]?.backends.map((one) => one.cluster.hosts),
      [[]],
    )
  })
})
