import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { objectKinds } from '../../src/objects/object-kind.ts'

const group = 'gateway.networking.k8s.io'

/** Paths of everything that is wrong with an object of a kind. */
function problems(
  kind: string,
  spec: unknown,
  more: Readonly<Record<string, unknown>> = {},
): string[] {
  const known = objectKinds.get(kind)
  if (known === undefined) throw new Error(kind)
  const version = known.versions[0]
  const object = {
    apiVersion: known.group === '' ? version : `${known.group}/${version}`,
    kind,
    metadata: { name: 'x' },
    ...(spec === undefined ? {} : { spec }),
    ...more,
  }
  return known.validate(object).map((one) => one.path)
}

const listener = { name: 'http', port: 80, protocol: 'HTTP' }
const gateway = (listeners: readonly unknown[], more: object = {}): string[] =>
  problems('Gateway', { gatewayClassName: 'c', listeners, ...more })
const at = '/spec/listeners/0'

describe('objects: Gateway', () => {
  it('is taken with everything that the standard has', () => {
    const spec = {
      listeners: [
        {
          ...listener,
          hostname: '*.example.com',
          allowedRoutes: { kinds: [{ kind: 'HTTPRoute' }] },
        },
        {
          name: 'https',
          port: 443,
          protocol: 'HTTPS',
          tls: { mode: 'Terminate', certificateRefs: [{ name: 'c', namespace: 'certs' }] },
          allowedRoutes: {
            namespaces: { from: 'Selector', selector: { matchLabels: { a: 'b' } } },
          },
        },
        { name: 'own', port: 9, protocol: 'example.com/own' },
      ],
      addresses: [{ value: '10.0.0.1' }, { type: 'Hostname', value: 'a.com' }],
      infrastructure: { labels: { a: 'b' }, annotations: { 'a.com/b': 'c' } },
      allowedListeners: { namespaces: { from: 'All' } },
      tls: {
        backend: { clientCertificateRef: { name: 'c' } },
        frontend: {
          default: {
            validation: { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'c' }] },
          },
          perPort: [{ port: 1, tls: {} }],
        },
      },
    }
    assert.deepEqual(problems('Gateway', { gatewayClassName: 'c', ...spec }), [])
  })

  it('is refused with every problem at its path', () => {
    assert.deepEqual(
      problems('Gateway', {
        listeners: [
          { name: 'UPPER', port: 0, protocol: 'HTTP', hostname: '1.2.3.4', extra: 1 },
          { name: 'b', port: 80, protocol: 'HTTP', tls: { certificateRefs: [{}] } },
        ],
        addresses: [{ value: '1.1.1.1' }, { type: 'IPAddress', value: '1.1.1.1' }],
        tls: {
          frontend: {
            perPort: [
              { port: 1, tls: {} },
              { port: 1, tls: {} },
            ],
          },
        },
      }),
      [
        '/spec/gatewayClassName',
        `${at}/extra`,
        `${at}/name`,
        `${at}/hostname`,
        `${at}/port`,
        '/spec/listeners/1/tls/certificateRefs/0/name',
        '/spec/listeners/1/tls',
        '/spec/tls/frontend/default',
        '/spec/tls/frontend/perPort/1',
        '/spec/addresses/1',
      ],
    )
  })

  it('has 1 to 64 listeners, told apart by name and by port, protocol and hostname', () => {
    assert.deepEqual(gateway([]), ['/spec/listeners'])
    const many = Array.from({ length: 65 }, (_, i) => ({ ...listener, name: `l${i}`, port: i + 1 }))
    assert.deepEqual(gateway(many), ['/spec/listeners'])
    assert.deepEqual(gateway([listener, { ...listener, port: 81 }]), ['/spec/listeners/1'])
    assert.deepEqual(gateway([listener, { ...listener, name: 'b' }]), ['/spec/listeners/1'])
    assert.deepEqual(gateway([listener, { ...listener, name: 'b', hostname: 'a.com' }]), [])
  })

  it('has tls where the protocol wants it and nowhere else', () => {
    const refs = { certificateRefs: [{ name: 'c' }] }
    const one = (protocol: string, tls?: unknown, hostname?: string): string[] =>
      gateway([
        {
          name: 'x',
          port: 1,
          protocol,
          ...(tls ? { tls } : {}),
          ...(hostname ? { hostname } : {}),
        },
      ])
    for (const protocol of ['HTTP', 'TCP', 'UDP']) {
      assert.deepEqual(one(protocol, refs), [`${at}/tls`], protocol)
    }
    assert.deepEqual(one('HTTPS', { ...refs, mode: 'Passthrough' }), [`${at}/tls/mode`])
    assert.deepEqual(one('TLS', refs), [`${at}/tls/mode`])
    assert.deepEqual(one('TLS', { mode: 'Passthrough' }), [])
    assert.deepEqual(one('TLS', { mode: 'Terminate' }), [`${at}/tls/certificateRefs`])
    assert.deepEqual(one('HTTPS', {}), [`${at}/tls/certificateRefs`])
    assert.deepEqual(one('HTTPS', { options: { 'a.com/b': 'c' } }), [])
    assert.deepEqual(one('TCP', undefined, 'a.com'), [`${at}/hostname`])
  })

  it('keeps the limits of lists and maps', () => {
    const infrastructure = {
      labels: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`l${i}`, 'x'])),
      annotations: { '-bad': 'x', ok: 'y'.repeat(4097) },
    }
    const kinds = Array.from({ length: 9 }, () => ({ kind: 'HTTPRoute' }))
    assert.deepEqual(gateway([{ ...listener, allowedRoutes: { kinds } }], { infrastructure }), [
      `${at}/allowedRoutes/kinds`,
      '/spec/infrastructure/labels',
      '/spec/infrastructure/annotations/-bad',
      '/spec/infrastructure/annotations/ok',
    ])
  })
})

const ref = { name: 'b', port: 80 }

describe('objects: routes', () => {
  it('name parents that are told apart', () => {
    const parents = (...parentRefs: readonly unknown[]): string[] =>
      problems('TCPRoute', { parentRefs, rules: [{ backendRefs: [ref] }] })
    assert.deepEqual(parents({ name: 'a' }, { name: 'b' }), [])
    assert.deepEqual(parents({ name: 'a' }, { name: 'a' }), ['/spec/parentRefs/1'])
    assert.deepEqual(parents({ name: 'a', sectionName: 'x' }, { name: 'a' }), [
      '/spec/parentRefs/1',
    ])
    assert.deepEqual(parents({ name: 'a', port: 1 }, { name: 'a', port: 2 }), [])
    assert.deepEqual(parents({ name: 'a' }, { name: 'a', namespace: 'n' }), [])
    assert.deepEqual(parents({ port: 70_000 }), [
      '/spec/parentRefs/0/name',
      '/spec/parentRefs/0/port',
    ])
  })

  it('of bytes have one rule with 1 to 16 backends', () => {
    for (const kind of ['TCPRoute', 'UDPRoute', 'TLSRoute']) {
      const of = (rules: unknown): string[] => problems(kind, { rules })
      assert.deepEqual(of([{ backendRefs: [ref] }]), [], kind)
      assert.deepEqual(of([]), ['/spec/rules'], kind)
      assert.deepEqual(of([{}]), ['/spec/rules/0/backendRefs'], kind)
      assert.deepEqual(of([{ backendRefs: [{ name: 'b' }] }]), ['/spec/rules/0/backendRefs/0/port'])
      assert.deepEqual(of([{ backendRefs: [{ ...ref, weight: 1_000_001 }] }]), [
        '/spec/rules/0/backendRefs/0/weight',
      ])
    }
    assert.deepEqual(
      problems('TLSRoute', { hostnames: ['1.2.3.4'], rules: [{ backendRefs: [ref] }] }),
      ['/spec/hostnames/0'],
    )
  })

  it('of gRPC match services and methods by their own letters', () => {
    const matches = (...list: readonly unknown[]): string[] =>
      problems('GRPCRoute', { rules: [{ matches: list }] }).map((path) =>
        path.replace('/spec/rules/0/matches/', ''),
      )
    assert.deepEqual(matches({ method: { service: 'a.B', method: 'C_1' } }, {}), [])
    assert.deepEqual(matches({ method: {} }), ['0/method'])
    assert.deepEqual(matches({ method: { service: 'a/b', method: '1x' } }), [
      '0/method/service',
      '0/method/method',
    ])
    const type = 'RegularExpression'
    assert.deepEqual(matches({ method: { type, service: '(a+)+', method: '(?=x)' } }), [
      '0/method/method',
    ])
    assert.deepEqual(matches({ headers: [{ name: 'x y', value: '' }] }), [
      '0/headers/0/name',
      '0/headers/0/value',
    ])
    const many = Array.from({ length: 33 }, () => ({}))
    const rules = Array.from({ length: 4 }, (_, i) => ({ name: `r${i % 3}`, matches: many }))
    assert.deepEqual(problems('GRPCRoute', { rules }), ['/spec/rules/3/name', '/spec/rules'])
    assert.deepEqual(
      problems('GRPCRoute', { rules: [{ filters: [{ type: 'URLRewrite' }] }] }).slice(0, 1),
      ['/spec/rules/0/filters/0/type'],
    )
  })
})

describe('objects: filters of HTTPRoute', () => {
  const filter = (value: unknown): string[] =>
    problems('HTTPRoute', { rules: [{ filters: [value] }] }).map((path) =>
      path.replace('/spec/rules/0/filters/0', ''),
    )

  it('mirror to one Service, by percent or by fraction', () => {
    const mirror = (more: object): string[] =>
      filter({ type: 'RequestMirror', requestMirror: { backendRef: ref, ...more } })
    assert.deepEqual(mirror({}), [])
    assert.deepEqual(mirror({ percent: 0 }), [])
    assert.deepEqual(mirror({ fraction: { numerator: 3, denominator: 1000 } }), [])
    assert.deepEqual(mirror({ percent: 101 }), ['/requestMirror/percent'])
    assert.deepEqual(mirror({ percent: 1, fraction: { numerator: 1 } }), ['/requestMirror'])
    assert.deepEqual(mirror({ fraction: { numerator: 2, denominator: 1 } }), [
      '/requestMirror/fraction/numerator',
    ])
    assert.deepEqual(mirror({ backendRef: { name: 'b' } }), ['/requestMirror/backendRef/port'])
  })

  it('answer for other origins by lists in which * stands alone', () => {
    const cors = (more: object): string[] => filter({ type: 'CORS', cors: more })
    assert.deepEqual(
      cors({
        allowOrigins: ['https://a.com', 'http://*.b.com:8080'],
        allowMethods: ['GET', 'PUT'],
        allowHeaders: ['x-a'],
        exposeHeaders: ['*'],
        allowCredentials: true,
        maxAge: 60,
      }),
      [],
    )
    assert.deepEqual(
      cors({
        allowOrigins: ['*', 'ftp://a.com'],
        allowMethods: ['get'],
        allowHeaders: ['*', 'x'],
        allowCredentials: 'yes',
        maxAge: 0,
      }),
      [
        '/cors/allowOrigins/1',
        '/cors/allowOrigins',
        '/cors/allowCredentials',
        '/cors/allowMethods/0',
        '/cors/allowHeaders',
        '/cors/maxAge',
      ],
    )
  })

  it('refer to extensions by group, kind and name', () => {
    assert.deepEqual(filter({ type: 'ExtensionRef', extensionRef: { name: 'x' } }), [
      '/extensionRef/group',
      '/extensionRef/kind',
    ])
  })

  it('stand beside retry and session persistence, each with its own rules', () => {
    const rule = (value: object): string[] =>
      problems('HTTPRoute', { rules: [value] }).map((path) => path.replace('/spec/rules/0/', ''))
    assert.deepEqual(rule({ retry: { codes: [500, 503], attempts: 3, backoff: '100ms' } }), [])
    assert.deepEqual(rule({ retry: { codes: [399], attempts: -1, backoff: '5', more: 1 } }), [
      'retry/more',
      'retry/codes/0',
      'retry/attempts',
      'retry/backoff',
    ])
    const session = (value: object): string[] => rule({ sessionPersistence: value })
    assert.deepEqual(session({ type: 'Cookie', cookie: { name: 'a', path: '/x' } }), [])
    assert.deepEqual(session({ type: 'Header', header: { name: 'x-session' } }), [])
    assert.deepEqual(session({ type: 'Header', cookie: {} }), [
      'sessionPersistence/cookie',
      'sessionPersistence/header',
    ])
    assert.deepEqual(session({ cookie: { lifetimeType: 'Permanent', name: 'a b' } }), [
      'sessionPersistence/cookie/name',
      'sessionPersistence/absoluteTimeout',
    ])
    assert.deepEqual(session({ header: { name: 'x' } }), ['sessionPersistence/header'])
  })
})

describe('objects: policies and grants', () => {
  it('of TLS to backends name their authorities in one way', () => {
    const target = { group: '', kind: 'Service', name: 's' }
    const policy = (validation: object, targetRefs: readonly unknown[] = [target]): string[] =>
      problems('BackendTLSPolicy', { targetRefs, validation })
    const hostname = 'a.com'
    const ca = { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'c' }] }
    assert.deepEqual(policy({ hostname, ...ca }), [])
    assert.deepEqual(policy({ hostname, wellKnownCACertificates: 'System' }), [])
    assert.deepEqual(policy({ hostname }), ['/spec/validation'])
    assert.deepEqual(policy({ hostname, ...ca, wellKnownCACertificates: 'System' }), [
      '/spec/validation',
    ])
    assert.deepEqual(policy({ hostname: '*.a.com', ...ca }), ['/spec/validation/hostname'])
    assert.deepEqual(
      policy({
        hostname,
        ...ca,
        subjectAltNames: [
          { type: 'URI', uri: 'spiffe://a/b' },
          { type: 'URI', hostname: 'a.com' },
          { type: 'Hostname', uri: 'x' },
        ],
      }).map((path) => path.replace('/spec/validation/subjectAltNames/', '')),
      ['1/uri', '1/hostname', '2/uri', '2/hostname', '2/uri'],
    )
    assert.deepEqual(policy({ hostname, ...ca }, [target, target]), ['/spec/targetRefs/1'])
    assert.deepEqual(policy({ hostname, ...ca }, []), ['/spec/targetRefs'])
  })

  it('grant from and to something', () => {
    const from = { group, kind: 'HTTPRoute', namespace: 'a' }
    const to = { group: '', kind: 'Service' }
    assert.deepEqual(problems('ReferenceGrant', { from: [from], to: [to] }), [])
    assert.deepEqual(problems('ReferenceGrant', { from: [], to: [{ kind: 'Service' }] }), [
      '/spec/from',
      '/spec/to/0/group',
    ])
  })

  it('for Gateways take limits, times and networks', () => {
    const policy = (more: object): string[] =>
      problems('GatewayPolicy', {
        targetRefs: [{ group, kind: 'Gateway', name: 'g' }],
        ...more,
      })
    const fine = {
      maxConnections: 5,
      trustedNetworks: ['10.0.0.0/8', '::1'],
      timeouts: { header: '1s' },
      maxHeaderBytes: '32KiB',
      ipDeny: ['192.0.2.7'],
      accessLog: { format: 'json' },
    }
    assert.deepEqual(policy(fine), [])
    assert.deepEqual(
      policy({
        maxConnections: 0,
        trustedNetworks: ['10.0.0.1/8'],
        timeouts: { header: '0s', more: '1s' },
        maxHeaderBytes: '1',
        ipAllow: ['nobody'],
        accessLog: { format: 'xml' },
        odd: 1,
      }),
      [
        '/spec/odd',
        '/spec/maxConnections',
        '/spec/trustedNetworks/0',
        '/spec/ipAllow/0',
        '/spec/maxHeaderBytes',
        '/spec/timeouts/more',
        '/spec/timeouts/header',
        '/spec/accessLog/format',
      ],
    )
  })

  it('for backends take the settings of a cluster', () => {
    const policy = (more: object): string[] =>
      problems('BackendPolicy', { targetRefs: [{ kind: 'Service', name: 's' }], ...more })
    assert.deepEqual(policy({ loadBalancer: { type: 'maglev' }, healthCheck: {} }), [])
    assert.deepEqual(policy({ loadBalancer: { type: 'odd' }, active: 0 }).toSorted(), [
      '/spec/active',
      '/spec/loadBalancer/type',
    ])
  })

  it('for routes take retries, upgrades, hashing, fallbacks, limits and who may come in', () => {
    const policy = (more: object): string[] =>
      problems('RoutePolicy', {
        targetRefs: [{ group, kind: 'HTTPRoute', name: 'r' }],
        ...more,
      })
    const limit = { name: 'a', rate: { requests: 1, per: '1s' } }
    assert.deepEqual(
      policy({
        retry: { attempts: 2, codes: [503], backoff: '1s', evenUnsafe: true, bufferBytes: 0 },
        upgrades: [],
        hash: { cookie: 'a' },
        fallback: { body: '{}' },
        limits: [limit],
        auth: { ip: { allow: ['10.0.0.0/8'] } },
        concurrency: { max: 5 },
      }),
      [],
    )
    assert.deepEqual(
      policy({
        retry: { attempts: 11, evenUnsafe: 1 },
        upgrades: ['h2c'],
        hash: { cookie: 'a', header: 'b' },
        fallback: { on: [404], status: 100, contentType: 'a\nb' },
        limits: [limit, limit, {}],
        auth: {},
        concurrency: {},
        slo: 1,
      }).filter((path) => !path.startsWith('/spec/limits/2/')),
      [
        '/spec/retry/attempts',
        '/spec/retry/evenUnsafe',
        '/spec/upgrades/0',
        '/spec/hash',
        '/spec/fallback/on/0',
        '/spec/fallback/status',
        '/spec/fallback/contentType',
        '/spec/fallback/body',
        '/spec/limits/1/name',
        '/spec/auth',
        '/spec/slo',
        '/spec/concurrency',
      ],
    )
  })
})

describe('objects: of Kubernetes itself', () => {
  it('are read in the fields that count, others are let through', () => {
    const spec = { ports: [{ port: 80, nodePort: 30_000 }], selector: { a: 'b' } }
    assert.deepEqual(problems('Service', spec), [])
    assert.deepEqual(problems('Service', { ports: [{ name: 5 }] }), [
      '/spec/ports/0/port',
      '/spec/ports/0/name',
    ])
    assert.deepEqual(problems('Secret', undefined, { data: { a: 'b#' }, stringData: { c: 1 } }), [
      '/data/a',
      '/stringData/c',
    ])
    assert.deepEqual(problems('ConfigMap', undefined, { data: { 'a/b': 1 } }), ['/data/a~1b'])
    assert.deepEqual(
      problems('EndpointSlice', undefined, {
        endpoints: [{ addresses: [''] }],
        ports: [{ port: 0 }, { port: null }],
      }),
      ['/endpoints/0/addresses/0', '/ports/0/port'],
    )
  })
})
