import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { Agent, createServer, get as httpGet, type IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { get as httpsGet } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { createCloseStack } from '@tidemill/core'
import { createChannel, createServer as createRpcServer, isRpcError } from '@tidemill/rpc'
import { WebSocketServer } from 'ws'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import type { ObjectChange } from '../src/configuration/index.ts'
import { readManifests } from '../src/manifest/index.ts'
import { type GatewayRuntime, openLocalRuntime } from '../src/runtime/index.ts'
import { gateway, route } from './configuration/fixtures.ts'
import { authority, secret } from './configuration/tls-fixtures.ts'
import { codeOf } from './harness.ts'

interface Seen {
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

const stack = createCloseStack()
/** Requests that the web servers got, by their path. */
const arrivals = new EventEmitter()
let runtime: GatewayRuntime
let revision = 0

/** Brings manifests into force as a folder of files does: what is not valid comes too, to be reported. */
async function apply(yaml: string, to: GatewayRuntime = runtime): Promise<void> {
  revision++
  const { objects, rejected } = readManifests(yaml, 'test.yaml')
  const changes = [...objects, ...rejected].map(
    ({ kind, key, object, line }): ObjectChange => ({
      kind,
      key,
      text: JSON.stringify(object),
      revision,
      origin: `test.yaml:${line}`,
    }),
  )
  await to.apply(changes, revision, false)
}

function portOf(port: number, of: GatewayRuntime = runtime): number {
  const socket = of.sockets().find((one) => one.port === port)
  assert.equal(socket?.error, undefined)
  return socket?.boundPort ?? 0
}

function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${portOf(80)}${path}`, { redirect: 'manual', ...init })
}

async function seenBy(response: Response): Promise<Seen> {
  assert.equal(response.status, 200)
  return (await response.json()) as Seen
}

/** A web server that says its name and what it got; `/hold` waits until it is told. */
async function openWeb(name: string): Promise<number> {
  const server = createServer((req, res) => {
    const { url = '', headers } = req
    const answer = (): void => {
      res.setHeader('X-Inner', '1')
      res.end(JSON.stringify({ name, url, headers }))
    }
    if (url === '/hold') arrivals.emit('hold', answer)
    else {
      answer()
      arrivals.emit(url, name)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A Service with one EndpointSlice for each port of this machine. */
function service(name: string, ...ports: readonly number[]): string {
  const slices = ports.map(
    (port) => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-${port}, namespace: infra, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
endpoints: [{ addresses: [127.0.0.1] }]
ports: [{ port: ${port} }]
---
`,
  )
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: infra }
spec: { ports: [{ port: 80 }] }
---
${slices.join('')}`
}

/** An HTTPRoute for a path at the plain listener. */
function web(name: string, rule: string): string {
  const rules = `[{ matches: [{ path: { value: /${name} } }], ${rule} }]`
  return route(name, '  parentRefs: [{ name: gw, sectionName: http }]', { rules })
}

function policy(target: string, spec: string): string {
  return `
apiVersion: gateway.tidemill.dev/v1
kind: RoutePolicy
metadata: { name: ${target}, namespace: infra }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: ${target} }]
  ${spec}
---
`
}

const toA = 'backendRefs: [{ name: a, port: 80 }]'

/** Status, body and certificate of a request on a TLS connection to a name. */
async function overTls(servername: string, host = servername) {
  const request = httpsGet({
    host: '127.0.0.1',
    port: portOf(443),
    servername,
    ca: authority.ca,
    agent: false,
    headers: { host },
  })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const names = (response.socket as TLSSocket).getPeerCertificate().subjectaltname
  const chunks = (await response.toArray()) as Buffer[]
  return { status: response.statusCode, body: Buffer.concat(chunks).toString(), names }
}

before(async () => {
  const [a, b] = [await openWeb('a'), await openWeb('b')]
  const own = authority.issue({ names: ['pass.test'] })
  const tls = createTlsServer(own, (socket) => socket.end('from behind'))
  const tcp = createTcpServer((socket) => socket.pipe(socket))
  for (const server of [tls, tcp]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    stack.defer(() => void server.close())
  }
  const listeners = [
    '{ name: http, port: 80, protocol: HTTP }',
    '{ name: a, port: 443, protocol: HTTPS, hostname: a.test, tls: { certificateRefs: [{ name: a }] } }',
    '{ name: b, port: 443, protocol: HTTPS, hostname: b.test, tls: { certificateRefs: [{ name: b }] } }',
    '{ name: pass, port: 443, protocol: TLS, hostname: pass.test, tls: { mode: Passthrough } }',
    '{ name: tcp, port: 9000, protocol: TCP }',
  ]
  const to = (name: string): object => ({
    rules: `[{ backendRefs: [{ name: ${name}, port: 80 }] }]`,
  })
  runtime = stack.add(openLocalRuntime({ listen: [{ address: '127.0.0.1', port: 0 }] }))
  await apply(
    secret('a', ['a.test']) +
      secret('b', ['b.test']) +
      gateway('gw', listeners) +
      service('a', a) +
      service('b', b) +
      service('both', a, b) +
      service('tls', (tls.address() as AddressInfo).port) +
      service('tcp', (tcp.address() as AddressInfo).port) +
      route('secure-a', '  parentRefs: [{ name: gw, sectionName: a }]', to('a')) +
      route('secure-b', '  parentRefs: [{ name: gw, sectionName: b }]', to('b')) +
      route('pass', '  parentRefs: [{ name: gw }]\n  hostnames: [pass.test]', {
        kind: 'TLSRoute',
        ...to('tls'),
      }) +
      route('tcp', '  parentRefs: [{ name: gw, sectionName: tcp }]', {
        kind: 'TCPRoute',
        ...to('tcp'),
      }),
  )
})
after(() => stack.close())

describe('gateway of objects: listeners', () => {
  it('are bound, programmed and have their routes', () => {
    const bound = runtime.sockets().map(({ port, protocols }) => [port, protocols.join()])
    assert.deepEqual(
      bound.toSorted(([x], [y]) => Number(x) - Number(y)),
      [
        [80, 'HTTP'],
        [443, 'HTTPS,TLS'],
        [9000, 'TCP'],
      ],
    )
    const status = runtime.status().find((one) => one.kind === 'Gateway')
    const programmed = status?.listeners.map(({ name, attachedRoutes, conditions }) => [
      name,
      attachedRoutes,
      conditions.find((one) => one.type === 'Programmed')?.status,
    ])
    assert.deepEqual(programmed, [
      ['http', 0, 'True'],
      ['a', 1, 'True'],
      ['b', 1, 'True'],
      ['pass', 1, 'True'],
      ['tcp', 1, 'True'],
    ])
  })

  it('show the certificate of the name that the client asks for, and serve its routes', async () => {
    for (const name of ['a', 'b']) {
      const { status, body, names } = await overTls(`${name}.test`)
      assert.deepEqual([status, names], [200, `DNS:${name}.test`])
      const seen = JSON.parse(body) as Seen
      assert.deepEqual([seen.name, seen.headers['x-forwarded-proto']], [name, 'https'])
    }
    // The connection is for one name, the request for another that has its own certificate.
    assert.equal((await overTls('a.test', 'b.test')).status, 421)
    await assert.rejects(overTls('c.test'))
  })

  it('speak HTTP/2 to clients that ask for it', async () => {
    const session = connectHttp2(`https://a.test:${portOf(443)}`, {
      createConnection: () =>
        connectTls({
          host: '127.0.0.1',
          port: portOf(443),
          servername: 'a.test',
          ca: authority.ca,
          ALPNProtocols: ['h2'],
        }),
    })
    const stream = session.request({ ':path': '/x', ':authority': 'a.test' })
    const [fields] = await once(stream, 'response')
    assert.equal(fields[':status'], 200)
    const body = Buffer.concat((await stream.toArray()) as Buffer[])
    assert.equal((JSON.parse(body.toString()) as Seen).url, '/x')
    session.close()
    await once(session, 'close')
  })

  it('pass TLS on to the backend whose name it is, on the same port', async () => {
    const options = { host: '127.0.0.1', port: portOf(443), ca: authority.ca }
    const socket = connectTls({ ...options, servername: 'pass.test' })
    await once(socket, 'secureConnect')
    assert.equal(socket.getPeerCertificate().subjectaltname, 'DNS:pass.test')
    const text = Buffer.concat((await socket.toArray()) as Buffer[]).toString()
    assert.equal(text, 'from behind')
  })

  it('pass bytes both ways, and each end by itself', async () => {
    const socket = connect(portOf(9000), '127.0.0.1')
    const sent = Buffer.alloc(1024 * 1024, 'tidemill')
    socket.end(sent)
    const got = Buffer.concat((await socket.toArray()) as Buffer[])
    assert.ok(got.equals(sent))
  })
})

describe('gateway of objects: HTTPRoute', () => {
  it('shares requests by weight', async () => {
    await apply(
      web(
        'split',
        'backendRefs: [{ name: a, port: 80, weight: 3 }, { name: b, port: 80, weight: 1 }]',
      ),
    )
    const counts: Record<string, number> = { a: 0, b: 0 }
    for (let i = 0; i < 40; i++) {
      const { name } = await seenBy(await get('/split'))
      counts[name] = (counts[name] ?? 0) + 1
    }
    assert.deepEqual(counts, { a: 30, b: 10 })
  })

  it('sends a copy to the mirror, whose answer nobody gets', async () => {
    const filter = '{ type: RequestMirror, requestMirror: { backendRef: { name: b, port: 80 } } }'
    await apply(web('mirror', `filters: [${filter}], ${toA}`))
    const names: string[] = []
    const both = new Promise((resolve) => {
      arrivals.on('/mirror', (name: string) => {
        if (names.push(name) === 2) resolve(undefined)
      })
    })
    assert.equal((await seenBy(await get('/mirror'))).name, 'a')
    await both
    assert.deepEqual(names.toSorted(), ['a', 'b'])
  })

  it('answers a CORS preflight itself, and tells scripts of that origin that they may read', async () => {
    const cors = 'allowOrigins: ["https://shop.test"], allowMethods: [PUT], maxAge: 60'
    await apply(web('cors', `filters: [{ type: CORS, cors: { ${cors} } }], ${toA}`))
    const ask = (origin: string): Promise<Response> =>
      get('/cors', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'PUT' },
      })
    const allowed = await ask('https://shop.test')
    assert.equal(allowed.status, 204)
    assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://shop.test')
    assert.equal(allowed.headers.get('access-control-allow-methods'), 'PUT')
    assert.equal(allowed.headers.get('access-control-max-age'), '60')
    const refused = await ask('https://evil.test')
    assert.equal(refused.headers.get('access-control-allow-origin'), null)
    const answer = await get('/cors', { headers: { origin: 'https://shop.test' } })
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://shop.test')
    assert.equal((await seenBy(answer)).name, 'a')
  })

  it('redirects', async () => {
    const to = '{ scheme: https, hostname: shop.test, port: 8443, statusCode: 301 }'
    await apply(web('go', `filters: [{ type: RequestRedirect, requestRedirect: ${to} }]`))
    const { status, headers } = await get('/go/x?y=1')
    assert.deepEqual([status, headers.get('location')], [301, 'https://shop.test:8443/go/x?y=1'])
  })

  it('edits the fields of requests and responses', async () => {
    const edit = '{ set: [{ name: X-Set, value: new }], remove: [X-Gone] }'
    const back = '{ add: [{ name: X-More, value: m }], remove: [X-Inner] }'
    const filters = `[{ type: RequestHeaderModifier, requestHeaderModifier: ${edit} },
          { type: ResponseHeaderModifier, responseHeaderModifier: ${back} }]`
    await apply(web('edit', `filters: ${filters}, ${toA}`))
    const response = await get('/edit', { headers: { 'x-set': 'old', 'x-gone': '1' } })
    assert.equal(response.headers.get('x-inner'), null)
    assert.equal(response.headers.get('x-more'), 'm')
    const { headers } = await seenBy(response)
    assert.deepEqual([headers['x-set'], headers['x-gone']], ['new', undefined])
  })

  it('keeps the requests of a session at one host', async () => {
    await apply(web('session', 'sessionPersistence: {}, backendRefs: [{ name: both, port: 80 }]'))
    const names = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const first = await get('/session')
      const [cookie = ''] = first.headers.getSetCookie()
      assert.match(cookie, /^tidemill-session=[0-9a-f]{32}; Path=\/; HttpOnly; SameSite=Lax$/u)
      const { name } = await seenBy(first)
      names.add(name)
      for (let j = 0; j < 5; j++) {
        const again = await get('/session', { headers: { cookie: cookie.split(';')[0] ?? '' } })
        assert.deepEqual(again.headers.getSetCookie(), [])
        assert.equal((await seenBy(again)).name, name)
      }
    }
    assert.deepEqual([...names].toSorted(), ['a', 'b'])
  })

  it('carries a WebSocket, in both directions and to its end', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    await once(server, 'listening')
    stack.defer(() => server.close())
    server.on('connection', (socket) => {
      socket.on('message', (data: Buffer, isBinary: boolean) => {
        if (!isBinary && data.toString() === 'bye') socket.close(4001, 'as you say')
        else socket.send(data, { binary: isBinary })
      })
    })
    await apply(
      service('ws', (server.address() as AddressInfo).port) +
        web('ws', 'backendRefs: [{ name: ws, port: 80 }]'),
    )
    const client = new WebSocket(`ws://127.0.0.1:${portOf(80)}/ws`)
    client.binaryType = 'arraybuffer'
    await once(client, 'open')
    const say = async (message: string | Uint8Array<ArrayBuffer>): Promise<unknown> => {
      client.send(message)
      const [event] = await once(client, 'message')
      return (event as MessageEvent).data
    }
    assert.equal(await say('hello'), 'hello')
    const big = new Uint8Array(300_000).fill(7)
    assert.deepEqual(new Uint8Array((await say(big)) as ArrayBuffer), big)
    client.send('bye')
    const [event] = await once(client, 'close')
    const { code, reason } = event as CloseEvent
    assert.deepEqual([code, reason], [4001, 'as you say'])
  })
})

describe('gateway of objects: GRPCRoute', () => {
  it('carries calls of all kinds to a server of HTTP/2, and its errors back', async () => {
    const server = stack.add(createRpcServer())
    server.add(TestService, {
      unaryCall: (request, ctx) => {
        ctx.headers.append('x-seen', String(ctx.metadata.get('x-mine')))
        ctx.trailers.append('x-last', 'trailer')
        return { payload: { body: new Uint8Array(request.responseSize) } }
      },
      async *fullDuplexCall(requests) {
        for await (const request of requests) {
          for (const { size } of request.responseParameters)
            yield { payload: { body: new Uint8Array(size) } }
        }
      },
    })
    const { port } = await server.listen('127.0.0.1:0')
    await apply(
      service('rpc', port) +
        route('rpc', '  parentRefs: [{ name: gw, sectionName: http }]', {
          kind: 'GRPCRoute',
          rules:
            '[{ matches: [{ method: { service: grpc.testing.TestService } }], backendRefs: [{ name: rpc, port: 80 }] }]',
        }),
    )
    const channel = stack.add(createChannel(`127.0.0.1:${portOf(80)}`))
    const api = channel.client(TestService)
    const big = await api.unaryCall({ responseSize: 300_000 }, { metadata: { 'x-mine': 'yes' } })
    assert.equal(big.payload?.body.length, 300_000)
    const sizes: number[] = []
    const wanted = [1, 100_000, 0, 5]
    const both = api.fullDuplexCall(wanted.map((size) => ({ responseParameters: [{ size }] })))
    for await (const { payload } of both) sizes.push(payload?.body.length ?? 0)
    assert.deepEqual(sizes, wanted)
    // The server's own answer for a method that it does not have.
    await assert.rejects(Promise.resolve(api.emptyCall({})), (error: unknown) => {
      assert.ok(isRpcError(error))
      assert.equal(error.code, 'TM_RPC_UNIMPLEMENTED')
      return true
    })
    const [record] = await runtime.requests(1)
    assert.deepEqual([record?.route, record?.status], ['GRPCRoute/infra/rpc', 200])
  })
})

describe('gateway of objects: RoutePolicy', () => {
  it('limits each key, and says when to come again', async () => {
    const limit =
      '{ name: mine, rate: { requests: 2, per: 1h }, key: [{ type: header, name: X-User }] }'
    await apply(web('limit', toA) + policy('limit', `limits: [${limit}]`))
    const ask = (user: string): Promise<Response> => get('/limit', { headers: { 'x-user': user } })
    for (let i = 0; i < 2; i++) await seenBy(await ask('ann'))
    const refused = await ask('ann')
    assert.equal(refused.status, 429)
    // One token comes back in half an hour.
    const wait = Number(refused.headers.get('retry-after'))
    assert.ok(wait > 1700 && wait <= 1800, String(wait))
    assert.match(refused.headers.get('ratelimit') ?? '', /"mine";r=0/u)
    assert.equal(await codeOf(refused), 'TM_GATEWAY_LIMITED')
    await seenBy(await ask('bob'))
  })

  it('lets in who has a key, and tells the upstream who it is, not the key', async () => {
    const sha256 = createHash('sha256').update('opensesame').digest('hex')
    const keys = `{ keys: [{ sha256: "${sha256}", consumer: ann }] }`
    await apply(web('auth', toA) + policy('auth', `auth: { apiKeys: ${keys} }`))
    const nobody = await get('/auth')
    assert.equal(nobody.status, 401)
    assert.notEqual(nobody.headers.get('www-authenticate'), null)
    await nobody.arrayBuffer()
    assert.equal((await get('/auth', { headers: { 'x-api-key': 'guess' } })).status, 401)
    const headers = { 'x-api-key': 'opensesame', 'x-tidemill-consumer': 'root' }
    const seen = (await seenBy(await get('/auth', { headers }))).headers
    assert.deepEqual([seen['x-tidemill-consumer'], seen['x-api-key']], ['ann', undefined])
  })

  it('refuses what is more at once than the route may have', async () => {
    await apply(web('hold', toA) + policy('hold', 'concurrency: { max: 1 }'))
    const arrived = once(arrivals, 'hold')
    const running = get('/hold')
    const [answer] = await arrived
    const refused = await get('/hold')
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1'])
    await refused.arrayBuffer()
    ;(answer as () => void)()
    await seenBy(await running)
    const next = once(arrivals, 'hold')
    const later = get('/hold')
    ;((await next)[0] as () => void)()
    await seenBy(await later)
  })
})

describe('gateway of objects: changes', () => {
  it('keeps the last good version of an object that is broken, and applies the others', async () => {
    await apply(web('kept', toA))
    const broken = web('kept', toA).replace('value: /kept', 'value: kept')
    assert.match(broken, /value: kept/u)
    await apply(broken + web('new', toA))
    const status = runtime.status().find((one) => one.key === 'infra/kept')
    assert.equal(status?.state, 'last-good')
    assert.deepEqual(
      status?.problems.map((one) => one.path),
      ['/spec/rules/0/matches/0/path/value'],
    )
    for (const path of ['/kept', '/new']) await seenBy(await get(path))
    await apply(web('kept', 'backendRefs: [{ name: b, port: 80 }]'))
    assert.equal((await seenBy(await get('/kept'))).name, 'b')
    revision++
    const removal = { kind: 'HTTPRoute', key: 'infra/kept', text: undefined, revision }
    await runtime.apply([removal], revision, false)
    assert.equal((await get('/kept')).status, 404)
  })

  it('follows the endpoints of a Service', async () => {
    await apply(web('moved', 'backendRefs: [{ name: moved, port: 80 }]'))
    assert.equal(await codeOf(await get('/moved')), 'TM_GATEWAY_BACKEND_INVALID')
    await apply(service('moved'))
    assert.equal(await codeOf(await get('/moved')), 'TM_GATEWAY_NO_ENDPOINT')
    await apply(service('moved', await openWeb('c')))
    assert.equal((await seenBy(await get('/moved'))).name, 'c')
  })

  it('closes at once although a client keeps its connection', async () => {
    const own = openLocalRuntime({ listen: [{ address: '127.0.0.1', port: 0 }] })
    await apply(gateway('gw', ['{ name: http, port: 80, protocol: HTTP }']), own)
    const agent = new Agent({ keepAlive: true })
    const request = httpGet({ host: '127.0.0.1', port: portOf(80, own), agent })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    await response.toArray()
    assert.equal(response.statusCode, 404)
    const start = performance.now()
    await own.close()
    // Were it waited for, its client's linger or the time to drain would be over first.
    assert.ok(performance.now() - start < 4000)
    agent.destroy()
  })
})
