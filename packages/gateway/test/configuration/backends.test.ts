import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gateway, openConfiguration, route, service } from './fixtures.ts'
import { authority, configMap, grant, secret } from './tls-fixtures.ts'

const http = '{ name: http, port: 80, protocol: HTTP }'
const at = { gateway: 'infra/gw', listener: 'http' }
const toGateway = '  parentRefs: [{ name: gw }]'
const rules = (refs: string): { readonly rules: string } => ({
  rules: `[{ backendRefs: [${refs}] }]`,
})
const resolved = (h: ReturnType<typeof openConfiguration>, id: string): string | undefined =>
  h.parents(id)[0]?.['ResolvedRefs']

describe('configuration: backends', () => {
  it('tells kinds, names and ports that do not resolve', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [http]) +
        service('backend') +
        route(
          'kind',
          toGateway,
          rules('{ kind: NonExistent, group: test.io, name: x, port: 80 }'),
        ) +
        route(
          'import',
          toGateway,
          rules('{ kind: ServiceImport, group: multicluster.x-k8s.io, name: x, port: 80 }'),
        ) +
        route('name', toGateway, rules('{ name: nobody, port: 80 }')) +
        route('port', toGateway, rules('{ name: backend, port: 81 }')),
    )
    assert.equal(resolved(h, 'HTTPRoute infra/kind'), 'False InvalidKind')
    assert.equal(resolved(h, 'HTTPRoute infra/import'), 'False InvalidKind')
    assert.equal(resolved(h, 'HTTPRoute infra/name'), 'False BackendNotFound')
    assert.equal(resolved(h, 'HTTPRoute infra/port'), 'False BackendNotFound')
    assert.equal(h.parents('HTTPRoute infra/name')[0]?.['Accepted'], 'True Accepted')
    const plan = h.configuration.plans('infra/kind')[0]
    assert.match(plan?.backends[0]?.invalid ?? '', /is not served/u)
    assert.equal(h.configuration.plans('infra/name')[0]?.backends[0]?.cluster.registered, false)
    h.apply(service('nobody'))
    assert.equal(resolved(h, 'HTTPRoute infra/name'), 'True ResolvedRefs')
    assert.equal(h.configuration.plans('infra/name')[0]?.backends[0]?.cluster.registered, true)
    h.remove('Service infra/nobody')
    assert.equal(h.configuration.plans('infra/name')[0]?.backends[0]?.cluster.registered, false)
  })

  it('uses a Service of another namespace only when a ReferenceGrant lets it', () => {
    const h = openConfiguration()
    const from = (kind: string, namespace: string): string =>
      `{ group: gateway.networking.k8s.io, kind: ${kind}, namespace: ${namespace} }`
    const to = '{ group: "", kind: Service, name: web }'
    const invalid = (): string | undefined =>
      h.configuration.plans('infra/a')[0]?.backends[0]?.invalid
    h.apply(
      gateway('gw', [http]) +
        service('web', undefined, 'web') +
        route('a', toGateway, rules('{ name: web, namespace: web, port: 80 }')),
    )
    assert.equal(resolved(h, 'HTTPRoute infra/a'), 'False RefNotPermitted')
    assert.notEqual(invalid(), undefined)
    for (const wrong of [
      grant('g', 'infra', from('HTTPRoute', 'infra'), to),
      grant('g', 'web', from('Gateway', 'infra'), to),
      grant('g', 'web', from('HTTPRoute', 'other'), to),
      grant('g', 'web', from('HTTPRoute', 'infra'), '{ group: "", kind: Service, name: other }'),
      grant('g', 'web', from('HTTPRoute', 'infra'), '{ group: "", kind: Secret }'),
    ]) {
      h.apply(wrong)
      assert.equal(resolved(h, 'HTTPRoute infra/a'), 'False RefNotPermitted', wrong)
    }
    h.apply(grant('g', 'web', from('HTTPRoute', 'infra'), to))
    assert.equal(resolved(h, 'HTTPRoute infra/a'), 'True ResolvedRefs')
    assert.equal(invalid(), undefined)
    h.remove('ReferenceGrant web/g')
    assert.notEqual(invalid(), undefined)
  })

  it('keeps the valid share of a rule whose other backend does not resolve', () => {
    const h = openConfiguration()
    const refs = '{ name: backend, port: 80 }, { name: nobody, port: 80, namespace: web }'
    h.apply(gateway('gw', [http]) + service('backend') + route('a', toGateway, rules(refs)))
    const [plan] = h.configuration.plans('infra/a')
    assert.deepEqual(
      plan?.backends.map((backend) => backend.invalid === undefined),
      [true, false],
    )
    assert.equal(plan?.totalWeight, 2)
  })

  it('speaks the protocol that the port of the Service names', () => {
    const h = openConfiguration()
    const ports = `[
      { name: plain, port: 80 }, { name: h2c, port: 81, appProtocol: kubernetes.io/h2c },
      { name: ws, port: 82, appProtocol: kubernetes.io/ws }, { name: tls, port: 83, appProtocol: https },
      { name: wss, port: 84, appProtocol: kubernetes.io/wss }, { name: odd, port: 85, appProtocol: kubernetes.io/odd },
      { name: dns, port: 86, protocol: UDP }]`
    const refs = [80, 81, 82, 83, 84, 85, 86].map((port) => `{ name: backend, port: ${port} }`)
    h.apply(gateway('gw', [http]) + service('backend', ports))
    h.apply(route('a', toGateway, rules(refs.slice(0, 5).join(', '))))
    const settings = (port: number) => h.clusters.told(`infra/backend:${port}`).settings
    assert.equal(settings(80)?.protocol, 'http1')
    assert.equal(settings(81)?.protocol, 'h2')
    assert.equal(settings(82)?.protocol, 'http1')
    assert.deepEqual([settings(83)?.protocol, settings(83)?.tls?.ca], ['auto', []])
    assert.deepEqual([settings(84)?.protocol, settings(84)?.tls?.ca], ['http1', []])
    assert.equal(resolved(h, 'HTTPRoute infra/a'), 'True ResolvedRefs')
    h.apply(
      route('b', toGateway, rules(refs[5] ?? '')) + route('c', toGateway, rules(refs[6] ?? '')),
    )
    assert.equal(resolved(h, 'HTTPRoute infra/b'), 'False UnsupportedProtocol')
    assert.equal(resolved(h, 'HTTPRoute infra/c'), 'False UnsupportedProtocol')
    h.apply(service('backend', ports.replace('kubernetes.io/h2c', 'http')))
    assert.equal(settings(81)?.protocol, 'http1')
  })

  it('takes endpoints from slices by the name of the port, and follows them', () => {
    const h = openConfiguration()
    const slice = (addresses: string, port: number): string => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: two, namespace: infra, labels: { kubernetes.io/service-name: backend } }
endpoints: [{ addresses: [${addresses}] }]
ports: [{ name: web, port: ${port} }, { name: admin, port: 1 }]
---
`
    h.apply(
      gateway('gw', [http]) +
        '{ apiVersion: v1, kind: Service, metadata: { name: backend, namespace: infra }, spec: { ports: [{ name: admin, port: 81 }, { name: web, port: 80 }] } }\n---\n' +
        route('a', toGateway),
    )
    const told = h.clusters.told('infra/backend:80')
    assert.deepEqual([told.registered, told.hosts], [true, []])
    assert.equal(h.apply(slice('10.0.0.1, 10.0.0.2', 8080)), 0)
    assert.deepEqual(told.hosts, [
      { address: '10.0.0.1', port: 8080 },
      { address: '10.0.0.2', port: 8080 },
    ])
    h.apply(slice('10.0.0.3', 8081))
    assert.deepEqual(told.hosts, [{ address: '10.0.0.3', port: 8081 }])
    h.remove('EndpointSlice infra/two')
    assert.deepEqual([told.registered, told.hosts], [true, []])
  })

  it('prefers addresses given by hand, for a port before those for the Service', () => {
    const h = openConfiguration()
    h.apply(gateway('gw', [http]) + route('a', toGateway) + service('backend'))
    const told = h.clusters.told('infra/backend:80')
    h.configuration.setBackends({ 'infra/backend': ['127.0.0.1:9000', 'http://[::1]:9001'] })
    assert.deepEqual(told.hosts, [
      { address: '127.0.0.1', port: 9000 },
      { address: '::1', port: 9001 },
    ])
    h.configuration.setBackends({ 'infra/backend:80': [] })
    assert.deepEqual([told.registered, told.hosts], [true, []])
    assert.throws(
      () => h.configuration.setBackends({ odd: ['https://x'], 'a/b': ['http://x/path'] }),
      { code: 'TM_GATEWAY_BACKENDS_INVALID' },
    )
  })

  it('knows an ExternalName by its name', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [http]) +
        '{ apiVersion: v1, kind: Service, metadata: { name: backend, namespace: infra }, spec: { type: ExternalName, externalName: api.example.org, ports: [{ port: 80 }] } }\n---\n' +
        route('a', toGateway),
    )
    assert.deepEqual(h.clusters.told('infra/backend:80').hosts, [
      { address: 'api.example.org', port: 80 },
    ])
  })

  it('drops a cluster when the last route that used it is gone', () => {
    const h = openConfiguration()
    h.apply(gateway('gw', [http]) + route('a', toGateway) + route('b', toGateway))
    h.remove('HTTPRoute infra/a')
    assert.deepEqual([...h.clusters.clusters.keys()], ['infra/backend:80'])
    h.apply(route('b', toGateway, rules('{ name: other, port: 80 }')))
    assert.deepEqual([...h.clusters.clusters.keys()], ['infra/other:80'])
    h.remove('HTTPRoute infra/b')
    assert.equal(h.clusters.clusters.size, 0)
  })

  it('gives a cluster what a BackendPolicy says, for a port before the whole Service', () => {
    const h = openConfiguration()
    const policy = (name: string, section: string, spec: string): string => `
apiVersion: gateway.tidemill.dev/v1
kind: BackendPolicy
metadata: { name: ${name}, namespace: infra }
spec:
  targetRefs: [{ kind: Service, name: backend${section} }]
  ${spec}
---
`
    h.apply(
      gateway('gw', [http]) +
        service('backend', '[{ name: web, port: 80 }, { name: admin, port: 81 }]') +
        route('a', toGateway) +
        route('b', toGateway, rules('{ name: backend, port: 81 }')) +
        policy('all', '', 'active: 5') +
        policy('web', ', sectionName: web', 'active: 7'),
    )
    assert.deepEqual(h.clusters.told('infra/backend:80').settings?.spec, { active: 7 })
    assert.deepEqual(h.clusters.told('infra/backend:81').settings?.spec, { active: 5 })
    h.remove('BackendPolicy infra/web')
    assert.deepEqual(h.clusters.told('infra/backend:80').settings?.spec, { active: 5 })
    h.apply(policy('lost', '', 'active: 1').replace('name: backend', 'name: nobody'))
    assert.deepEqual(h.warnings('BackendPolicy infra/lost'), [
      '/spec/targetRefs/0: there is no Service infra/nobody',
    ])
  })
})

const tlsPolicy = (
  name: string,
  validation: string,
  more: { readonly section?: string; readonly created?: string } = {},
): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata:
  name: ${name}
  namespace: infra
  creationTimestamp: "${more.created ?? '2026-01-01T00:00:00Z'}"
spec:
  targetRefs: [{ group: "", kind: Service, name: backend${more.section === undefined ? '' : `, sectionName: ${more.section}`} }]
  validation: { hostname: abc.example.com, ${validation} }
---
`
const ca = (name: string, kind = 'ConfigMap'): string =>
  `caCertificateRefs: [{ group: "", kind: ${kind}, name: ${name} }]`
const base =
  gateway('gw', [http]) +
  service('backend', '[{ name: web, port: 80 }, { name: admin, port: 81 }]') +
  route('a', toGateway, rules('{ name: backend, port: 80 }, { name: backend, port: 81 }'))

describe('configuration: TLS to backends', () => {
  it('is planned from the policy, its authorities and names', () => {
    const h = openConfiguration()
    const names =
      'subjectAltNames: [{ type: Hostname, hostname: abc.example.com }, { type: URI, uri: "spiffe://abc/x" }]'
    h.apply(base + tlsPolicy('p', `${ca('ca')}, ${names}`) + configMap('ca'))
    const { settings, registered } = h.clusters.told('infra/backend:80')
    assert.equal(registered, true)
    assert.equal(settings?.protocol, 'auto')
    assert.deepEqual(settings?.tls, {
      hostname: 'abc.example.com',
      ca: [authority.ca],
      names: [
        { type: 'Hostname', value: 'abc.example.com' },
        { type: 'URI', value: 'spiffe://abc/x' },
      ],
      client: undefined,
    })
    assert.deepEqual(h.parents('BackendTLSPolicy infra/p'), [
      { Accepted: 'True Accepted', ResolvedRefs: 'True ResolvedRefs' },
    ])
  })

  it('takes the system authorities by name', () => {
    const h = openConfiguration()
    h.apply(base + tlsPolicy('p', 'wellKnownCACertificates: System'))
    assert.deepEqual(h.clusters.told('infra/backend:80').settings?.tls?.ca, [])
    h.apply(base + tlsPolicy('p', 'wellKnownCACertificates: example.com/others'))
    assert.equal(h.parents('BackendTLSPolicy infra/p')[0]?.['Accepted'], 'False Invalid')
    assert.equal(h.clusters.told('infra/backend:80').registered, false)
  })

  it('refuses to speak to a backend whose policy has no valid authority, until it has', () => {
    const h = openConfiguration()
    h.apply(base + tlsPolicy('p', ca('nobody')) + configMap('malformed', 'Hello world'))
    const state = () => h.parents('BackendTLSPolicy infra/p')[0]
    const no = 'False NoValidCACertificate'
    assert.deepEqual(state(), { Accepted: no, ResolvedRefs: 'False InvalidCACertificateRef' })
    assert.equal(h.clusters.told('infra/backend:80').registered, false)
    h.apply(tlsPolicy('p', ca('malformed')))
    assert.deepEqual(state(), { Accepted: no, ResolvedRefs: 'False InvalidCACertificateRef' })
    h.apply(tlsPolicy('p', ca('ca', 'Service')))
    assert.deepEqual(state(), { Accepted: no, ResolvedRefs: 'False InvalidKind' })
    h.apply(tlsPolicy('p', ca('nobody')))
    h.apply(configMap('nobody'))
    assert.equal(h.clusters.told('infra/backend:80').registered, true)
    assert.equal(state()?.['Accepted'], 'True Accepted')
  })

  it('lets the older of two policies for one target win, and one for a port beside them', () => {
    const h = openConfiguration()
    h.apply(
      base +
        configMap('ca') +
        tlsPolicy('young', ca('ca'), { created: '2026-01-02T00:00:00Z' }) +
        tlsPolicy('old', ca('ca')) +
        tlsPolicy('web', ca('ca').replace('}]', '}], subjectAltNames: []'), { section: 'web' }),
    )
    const accepted = (name: string): string | undefined =>
      h.parents(`BackendTLSPolicy infra/${name}`)[0]?.['Accepted']
    assert.equal(accepted('young'), 'False Conflicted')
    assert.equal(accepted('old'), 'True Accepted')
    assert.equal(accepted('web'), 'True Accepted')
    h.remove('BackendTLSPolicy infra/old')
    assert.equal(accepted('young'), 'True Accepted')
  })

  it('carries the certificate of the Gateway that a request came through', () => {
    const h = openConfiguration()
    const tls = '  tls: { backend: { clientCertificateRef: { name: client } } }'
    h.apply(
      gateway('gw', [http]) +
        gateway('certified', ['{ name: http, port: 81, protocol: HTTP }'], tls) +
        secret('client', ['client']) +
        configMap('ca') +
        service('backend', '[{ name: web, port: 80 }]') +
        tlsPolicy('p', ca('ca')) +
        route('a', '  parentRefs: [{ name: gw }, { name: certified }]'),
    )
    const clusters = [...h.clusters.clusters.values()].map(
      (one) => [one.name, one.settings?.tls?.client !== undefined] as const,
    )
    assert.deepEqual(clusters, [
      ['infra/backend:80', false],
      ['infra/backend:80@infra/certified', true],
    ])
    assert.equal(h.route(at, { path: '/' }), 'infra/a#0')
    h.apply(gateway('certified', ['{ name: http, port: 81, protocol: HTTP }']))
    assert.deepEqual([...h.clusters.clusters.keys()], ['infra/backend:80'])
  })
})
