import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gateway, openConfiguration, route } from './fixtures.ts'
import { configMap, grant, keyPair, secret } from './tls-fixtures.ts'

const http = '{ name: http, port: 80, protocol: HTTP }'
const https = (name: string, more: string, port = 443): string =>
  `{ name: ${name}, port: ${port}, protocol: HTTPS, tls: { certificateRefs: [{ name: cert }] }${more} }`

describe('configuration: listeners of a Gateway', () => {
  it('refuses a protocol that it does not serve, and goes on with the others', () => {
    const h = openConfiguration()
    const invalid = '{ name: invalid, port: 81, protocol: INVALID }'
    h.apply(gateway('one', [invalid]) + gateway('two', [http, invalid]))
    assert.equal(h.conditions('Gateway infra/one')['Accepted'], 'False ListenersNotValid')
    assert.equal(
      h.listener('Gateway infra/one', 'invalid')['Accepted'],
      'False UnsupportedProtocol',
    )
    assert.equal(h.conditions('Gateway infra/two')['Accepted'], 'True ListenersNotValid')
    assert.equal(h.conditions('Gateway infra/two')['Programmed'], 'True Programmed')
    assert.equal(h.listener('Gateway infra/two', 'http')['Accepted'], 'True Accepted')
  })

  it('names the kinds that it supports and refuses others', () => {
    const h = openConfiguration()
    const kinds = (list: string): string =>
      `{ name: http, port: 80, protocol: HTTP, allowedRoutes: { kinds: [${list}] } }`
    h.apply(
      gateway('none', [kinds('{ kind: InvalidRoute }')]) +
        gateway('some', [kinds('{ kind: InvalidRoute }, { kind: HTTPRoute }')]) +
        gateway('tls', [
          '{ name: tls, port: 443, protocol: TLS, tls: { mode: Passthrough }, allowedRoutes: { kinds: [{ kind: TCPRoute }, { kind: TLSRoute }] } }',
        ]),
    )
    const kindsOf = (key: string): readonly string[] | undefined =>
      h.configuration
        .status()
        .find((one) => one.kind === 'Gateway' && one.key === key)
        ?.listeners[0]?.supportedKinds.map((one) => one.kind)
    assert.deepEqual(kindsOf('infra/none'), [])
    assert.deepEqual(kindsOf('infra/some'), ['HTTPRoute'])
    assert.deepEqual(kindsOf('infra/tls'), ['TLSRoute'])
    for (const [key, name] of [
      ['none', 'http'],
      ['some', 'http'],
      ['tls', 'tls'],
    ] as const) {
      const { ResolvedRefs } = h.listener(`Gateway infra/${key}`, name)
      assert.equal(ResolvedRefs, 'False InvalidRouteKinds')
    }
  })

  it('counts routes even where no certificate resolves', () => {
    const h = openConfiguration()
    h.apply(gateway('gw', [https('https', '')]) + route('a', '  parentRefs: [{ name: gw }]'))
    assert.deepEqual(h.listener('Gateway infra/gw', 'https'), {
      Accepted: 'True Accepted',
      Programmed: 'False Invalid',
      ResolvedRefs: 'False InvalidCertificateRef',
      Conflicted: 'False NoConflicts',
    })
    assert.equal(h.attached('Gateway infra/gw', 'https'), 1)
    assert.equal(h.configuration.sockets().length, 0)
    h.apply(secret('cert', ['a.example.com']))
    assert.equal(h.listener('Gateway infra/gw', 'https')['Programmed'], 'True Programmed')
    assert.equal(h.configuration.sockets()[0]?.listeners[0]?.tls?.certificates.length, 1)
    assert.equal(h.route({ gateway: 'infra/gw', listener: 'https' }, { path: '/' }), 'infra/a#0')
    h.remove('Secret infra/cert')
    assert.equal(h.configuration.sockets().length, 0)
  })

  it('tells a certificate that is missing, of another kind or malformed by its condition', () => {
    const h = openConfiguration()
    const refs = (name: string, ref: string): string =>
      gateway(name, [
        `{ name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [${ref}] } }`,
      ])
    h.apply(
      refs('missing', '{ name: nobody }') +
        refs('group', '{ group: wrong.group.company.io, kind: Secret, name: cert }') +
        refs('kind', '{ group: "", kind: WrongKind, name: cert }') +
        refs('malformed', '{ name: malformed }') +
        refs('mixed', '{ name: first }') +
        keyPair('malformed', 'Hello world', 'Hello world'),
    )
    for (const name of ['missing', 'group', 'kind', 'malformed', 'mixed']) {
      const { ResolvedRefs, Programmed } = h.listener(`Gateway infra/${name}`, 'https')
      assert.equal(ResolvedRefs, 'False InvalidCertificateRef', name)
      assert.equal(Programmed, 'False Invalid', name)
    }
  })

  it('refuses a key that does not belong to its certificate', () => {
    const h = openConfiguration()
    const first = secret('first', ['a.com'])
    const second = secret('second', ['a.com'])
    const line = (text: string, name: string): string =>
      new RegExp(`tls.${name}: (.*)`).exec(text)?.[1] ?? ''
    const mixed = keyPair('cert', '', '')
      .replace('tls.crt: ', `tls.crt: ${line(first, 'crt')}`)
      .replace('tls.key: ', `tls.key: ${line(second, 'key')}`)
    h.apply(gateway('gw', [https('https', '')]) + mixed)
    assert.equal(
      h.listener('Gateway infra/gw', 'https')['ResolvedRefs'],
      'False InvalidCertificateRef',
    )
  })

  it('takes a Secret of another namespace only when a ReferenceGrant lets it', () => {
    const h = openConfiguration()
    const listener =
      '{ name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert, namespace: certs }] } }'
    const from = '{ group: gateway.networking.k8s.io, kind: Gateway, namespace: infra }'
    const state = (): string | undefined => h.listener('Gateway infra/gw', 'https')['ResolvedRefs']
    h.apply(gateway('gw', [listener]) + secret('cert', ['a.com'], 'certs'))
    assert.equal(state(), 'False RefNotPermitted')
    h.apply(grant('other', 'certs', from, '{ group: "", kind: Secret, name: another }'))
    assert.equal(state(), 'False RefNotPermitted')
    h.apply(grant('wrong', 'infra', from, '{ group: "", kind: Secret }'))
    assert.equal(state(), 'False RefNotPermitted')
    h.apply(grant('right', 'certs', from, '{ group: "", kind: Secret, name: cert }'))
    assert.equal(state(), 'True ResolvedRefs')
    h.remove('ReferenceGrant certs/right')
    assert.equal(state(), 'False RefNotPermitted')
    h.apply(grant('all', 'certs', from, '{ group: "", kind: Secret }'))
    assert.equal(state(), 'True ResolvedRefs')
  })

  it('marks all listeners of one Gateway whose protocols conflict', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [
        '{ name: a, port: 80, protocol: HTTP }',
        '{ name: b, port: 80, protocol: TCP }',
        '{ name: c, port: 81, protocol: HTTP }',
        '{ name: d, port: 80, protocol: UDP }',
      ]),
    )
    for (const name of ['a', 'b']) {
      assert.deepEqual(h.listener('Gateway infra/gw', name), {
        Accepted: 'False ProtocolConflict',
        Programmed: 'False ProtocolConflict',
        ResolvedRefs: 'True ResolvedRefs',
        Conflicted: 'True ProtocolConflict',
      })
    }
    assert.equal(h.listener('Gateway infra/gw', 'c')['Accepted'], 'True Accepted')
    assert.equal(h.listener('Gateway infra/gw', 'd')['Accepted'], 'True Accepted')
    assert.deepEqual(
      h.configuration.sockets().map((socket) => socket.key),
      ['tcp:127.0.0.1:81', 'udp:127.0.0.1:80'],
    )
  })

  it('puts HTTPS and TLS listeners of one port on one socket', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [
        https('https', ', hostname: a.com'),
        '{ name: pass, port: 443, protocol: TLS, hostname: b.com, tls: { mode: Passthrough } }',
        '{ name: same, port: 443, protocol: TLS, hostname: a.com, tls: { mode: Passthrough } }',
      ]) + secret('cert', ['a.com']),
    )
    assert.equal(h.listener('Gateway infra/gw', 'pass')['Accepted'], 'True Accepted')
    assert.equal(h.listener('Gateway infra/gw', 'https')['Conflicted'], 'True ProtocolConflict')
    assert.deepEqual(
      h.configuration.sockets().map((socket) => socket.listeners.map((one) => one.name)),
      [['pass']],
    )
  })

  it('warns of HTTPS listeners whose hostnames or certificates overlap', () => {
    const h = openConfiguration()
    h.apply(
      gateway('gw', [
        https('a', ', hostname: a.example.com'),
        https('wild', ', hostname: "*.example.com"'),
        https('other', ', hostname: other.org', 8443),
      ]) + secret('cert', ['*.example.com']),
    )
    const overlap = (name: string): string | undefined =>
      h.listener('Gateway infra/gw', name)['OverlappingTLSConfig']
    assert.equal(overlap('a'), 'True OverlappingHostnames')
    assert.equal(overlap('wild'), 'True OverlappingHostnames')
    assert.equal(overlap('other'), undefined)
    h.apply(
      gateway('gw', [
        https('a', ', hostname: a.example.com'),
        https('b', ', hostname: b.example.com'),
      ]),
    )
    assert.equal(overlap('a'), 'True OverlappingCertificates')
    assert.equal(overlap('b'), 'True OverlappingCertificates')
  })

  it('checks clients by the authorities of the port, else of the Gateway', () => {
    const h = openConfiguration()
    const tls = `  tls:
    frontend:
      default: { validation: { caCertificateRefs: [{ group: "", kind: ConfigMap, name: ca }] } }
      perPort:
        - port: 8443
          tls: { validation: { mode: AllowInsecureFallback, caCertificateRefs: [{ group: "", kind: ConfigMap, name: ca }] } }
        - port: 9443
          tls: { validation: { caCertificateRefs: [{ group: "", kind: ConfigMap, name: nobody }] } }
        - port: 9444
          tls: { validation: { caCertificateRefs: [{ group: "", kind: Service, name: ca }] } }
        - port: 9445
          tls: { validation: { caCertificateRefs: [{ group: "", kind: ConfigMap, name: ca, namespace: certs }] } }
        - port: 9446
          tls: {}`
    const ports = [443, 8443, 9443, 9444, 9445, 9446]
    h.apply(
      gateway('gw', [...ports.map((port) => https(`p${port}`, '', port)), http], tls) +
        secret('cert', ['a.com']) +
        configMap('ca') +
        configMap('ca', undefined, 'certs'),
    )
    const plans = h.configuration.sockets().flatMap((socket) => socket.listeners)
    const mode = (port: number): string | undefined =>
      plans.find((plan) => plan.port === port)?.tls?.clientValidation?.mode
    assert.equal(mode(443), 'AllowValidOnly')
    assert.equal(mode(8443), 'AllowInsecureFallback')
    assert.equal(mode(9446), undefined)
    const state = (port: number): readonly (string | undefined)[] => {
      const conditions = h.listener('Gateway infra/gw', `p${port}`)
      return [conditions['ResolvedRefs'], conditions['Accepted'], conditions['Programmed']]
    }
    const no = ['False NoValidCACertificate', 'False Invalid']
    assert.deepEqual(state(9443), ['False InvalidCACertificateRef', ...no])
    assert.deepEqual(state(9444), ['False InvalidCACertificateKind', ...no])
    assert.deepEqual(state(9445), ['False RefNotPermitted', ...no])
    assert.deepEqual(state(443), ['True ResolvedRefs', 'True Accepted', 'True Programmed'])
    assert.equal(h.listener('Gateway infra/gw', 'http')['Programmed'], 'True Programmed')
    assert.equal(
      h.conditions('Gateway infra/gw')['InsecureFrontendValidationMode'],
      'True ConfigurationChanged',
    )
  })

  it('says when its certificate towards backends cannot be used', () => {
    const h = openConfiguration()
    const tls = (ref: string): string => `  tls: { backend: { clientCertificateRef: ${ref} } }`
    const cases = {
      '{ name: nobody }': 'False InvalidClientCertificateRef',
      '{ group: wrong.io, name: cert }': 'False InvalidClientCertificateRef',
      '{ kind: WrongKind, name: cert }': 'False InvalidClientCertificateRef',
      '{ name: cert, namespace: certs }': 'False RefNotPermitted',
      '{ name: cert }': 'True ResolvedRefs',
    }
    h.apply(secret('cert', ['a.com']) + secret('cert', ['a.com'], 'certs'))
    for (const [ref, expected] of Object.entries(cases)) {
      h.apply(gateway('gw', [http], tls(ref)))
      const conditions = h.conditions('Gateway infra/gw')
      assert.equal(conditions['ResolvedRefs'], expected, ref)
      assert.equal(conditions['Accepted'], 'True Accepted')
    }
  })

  it('refuses parameters and kinds of addresses that it does not know', () => {
    const h = openConfiguration()
    const parameters =
      '  infrastructure: { parametersRef: { group: example.com, kind: Parameters, name: x } }'
    h.apply(
      gateway('a', [http], parameters) +
        gateway('b', [http], '  addresses: [{ type: example.com/odd, value: x }]'),
    )
    assert.equal(h.conditions('Gateway infra/a')['Accepted'], 'False InvalidParameters')
    assert.equal(h.conditions('Gateway infra/b')['Accepted'], 'False UnsupportedAddress')
    assert.equal(h.configuration.sockets().length, 0)
  })

  it('binds each port where the options say, and tells when it cannot', () => {
    const h = openConfiguration({
      listenAddress: (_gateway, port) =>
        port === 81 ? undefined : { address: '127.0.0.1', port: 0 },
    })
    h.apply(
      gateway('gw', [
        http,
        '{ name: odd, port: 81, protocol: HTTP }',
        '{ name: alt, port: 82, protocol: HTTP }',
      ]),
    )
    assert.deepEqual(
      h.configuration.sockets().map((socket) => [socket.key, socket.port]),
      [
        ['tcp:127.0.0.1:0/infra/gw:80', 0],
        ['tcp:127.0.0.1:0/infra/gw:82', 0],
      ],
    )
    assert.equal(h.listener('Gateway infra/gw', 'odd')['Accepted'], 'False PortUnavailable')
  })

  it('gives an address that two Gateways want to the older one', () => {
    const h = openConfiguration()
    const dated = (name: string, created: string): string =>
      gateway(name, [
        http,
        `{ name: own, port: 80, protocol: HTTP, hostname: ${name}.com }`,
      ]).replace('namespace: infra }', `namespace: infra, creationTimestamp: "${created}" }`)
    h.apply(dated('young', '2026-01-02T00:00:00Z'))
    h.apply(dated('old', '2026-01-01T00:00:00Z'))
    assert.equal(h.listener('Gateway infra/old', 'http')['Accepted'], 'True Accepted')
    assert.equal(h.listener('Gateway infra/young', 'http')['Accepted'], 'False PortUnavailable')
    assert.equal(h.listener('Gateway infra/young', 'own')['Accepted'], 'True Accepted')
    h.remove('Gateway infra/old')
    assert.equal(h.listener('Gateway infra/young', 'http')['Accepted'], 'True Accepted')
  })

  it('serves only Gateways of its own class when it has a controller name', () => {
    const h = openConfiguration({ controllerName: 'example.com/ours' })
    const classOf = (controller: string): string =>
      `{ apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: { name: tidemill }, spec: { controllerName: ${controller} } }\n---\n`
    h.apply(gateway('gw', [http]) + classOf('example.com/theirs'))
    assert.equal(h.conditions('Gateway infra/gw')['Accepted'], 'Unknown Pending')
    assert.equal(h.configuration.sockets().length, 0)
    h.apply(classOf('example.com/ours'))
    assert.equal(h.conditions('GatewayClass tidemill')['Accepted'], 'True Accepted')
    assert.equal(h.conditions('Gateway infra/gw')['Programmed'], 'True Programmed')
  })

  it('takes the settings of a GatewayPolicy for the Gateway or one listener', () => {
    const h = openConfiguration()
    const policy = (name: string, target: string, spec: string): string => `
apiVersion: gateway.tidemill.dev/v1
kind: GatewayPolicy
metadata: { name: ${name}, namespace: infra }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: gw${target} }]
  ${spec}
---
`
    const alt = '{ name: alt, port: 81, protocol: HTTP }'
    h.apply(
      gateway('gw', [http, alt]) +
        policy('all', '', 'maxConnections: 7') +
        policy('alt', ', sectionName: alt', 'timeouts: { header: 2s }'),
    )
    const settings = (port: number) =>
      h.configuration
        .sockets()
        .flatMap((socket) => socket.listeners)
        .find((one) => one.port === port)?.settings
    assert.equal(settings(80)?.maxConnections, 7)
    assert.equal(settings(81)?.headerMs, 2000)
    assert.equal(settings(81)?.maxConnections, 10_000)
    h.remove('GatewayPolicy infra/all')
    assert.equal(settings(80)?.maxConnections, 10_000)
  })
})
