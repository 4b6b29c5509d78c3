import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { CANCEL, INTERNAL_ERROR, REFUSED_STREAM } from '@tidemill/http2'
import type { ClusterSpec } from '../../src/upstream/index.ts'
import { local, Outcome, request, retryOn, rig, turns } from './rig.ts'
import { RawServer, type Script } from './raw-server.ts'
import { StreamServer, type StreamScript } from './stream-server.ts'

const long = 'x'.repeat(200_000)

/** Does what the target says. */
const moody: Script = (connection, { target }) => {
  switch (target) {
    case '/ok':
      connection.answer()
      break
    case '/long':
      connection.answer(long)
      break
    case '/chunks':
      connection.send(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-sum: 2\r\n\r\n',
      )
      break
    case '/503':
      connection.send('HTTP/1.1 503 X\r\nContent-Length: 4\r\n\r\nbusy')
      break
    case '/last':
      connection.answer('bye', 'Connection: close\r\n')
      break
    case '/sly':
      // Says that it keeps the connection, and does not.
      connection.answer()
      connection.socket.end()
      break
    case '/short':
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
      connection.socket.end()
      break
    case '/extra':
      connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokextra')
      break
    case '/garbage':
      connection.send('garbage\r\n\r\n')
      break
    case '/reset':
      connection.socket.resetAndDestroy()
      break
    case '/end':
      connection.socket.end()
      break
    case '/early':
      connection.send('HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      break
    default:
    // Nothing at all.
  }
}

/** The same over HTTP/2, as far as it is possible there. */
const moodyStreams: StreamScript = ({ stream, target, connection }) => {
  const answer = (status: string, body: string): void => {
    stream.headers([':status', status, 'content-length', String(body.length)], false)
    stream.data(Buffer.from(body), true)
  }
  switch (target) {
    case '/ok':
      answer('200', 'ok')
      break
    case '/long':
      answer('200', long)
      break
    case '/chunks':
      stream.headers([':status', '200'], false)
      stream.data(Buffer.from('ab'), false)
      stream.trailers(['x-sum', '2'])
      break
    case '/503':
      answer('503', 'busy')
      break
    case '/last':
      answer('200', 'bye')
      connection.drain()
      break
    case '/sly':
      answer('200', 'ok')
      connection.goaway(0)
      break
    case '/short':
      stream.headers([':status', '200', 'content-length', '10'], false)
      stream.data(Buffer.from('abc'), true)
      break
    case '/extra':
      stream.headers([':status', '200', 'content-length', '2'], false)
      stream.data(Buffer.from('okextra'), true)
      break
    case '/garbage':
      stream.reset(INTERNAL_ERROR)
      break
    case '/reset':
      stream.reset(REFUSED_STREAM)
      break
    case '/end':
      stream.headers([':status', '200'], false)
      stream.reset(CANCEL)
      break
    case '/early':
      stream.headers([':status', '103'], false)
      answer('200', 'ok')
      break
    default:
    // Nothing at all.
  }
}

const targets = [
  '/ok',
  '/long',
  '/chunks',
  '/503',
  '/last',
  '/sly',
  '/short',
  '/extra',
  '/garbage',
  '/reset',
  '/end',
  '/early',
  '/silent',
] as const

const send = fc.record({
  kind: fc.constant('send' as const),
  target: fc.constantFrom(...targets),
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT'),
  body: fc.constantFrom('none', 'known', 'unknown', 'unfinished'),
  retry: fc.boolean(),
  deadline: fc.boolean(),
  /** Events after which the caller gives up; -1: never. */
  abortAfter: fc.integer({ min: -1, max: 3 }),
  /** Pauses at each part and goes on in another turn. */
  pauses: fc.boolean(),
})

const action = fc.oneof(
  { weight: 10, arbitrary: send },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), n: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('hosts' as const),
      hosts: fc.subarray([0, 1, 2, 3], { minLength: 0 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('settings' as const),
      connections: fc.integer({ min: 1, max: 4 }),
      pending: fc.integer({ min: 0, max: 5 }),
      requestsPerConnection: fc.constantFrom(1, 2, 1000),
      connectTimeout: fc.constantFrom('1s', '2s'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }) },
)

type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** Bodies of the targets that have a whole one. */
const bodies: Readonly<Record<string, string>> = {
  '/ok': 'ok',
  '/long': long,
  '/chunks': 'ab',
  '/last': 'bye',
  '/sly': 'ok',
  '/early': 'ok',
  '/503': 'busy',
}

interface Sent {
  readonly what: Extract<Action, { kind: 'send' }>
  readonly outcome: Outcome
  aborted: boolean
}

function begin(one: Extract<Action, { kind: 'send' }>, at: ReturnType<typeof rig>): Sent {
  const { cluster } = at
  const outcome = new Outcome()
  const sent: Sent = { what: one, outcome, aborted: false }
  let events = 0
  outcome.react = (call, event) => {
    if (events++ === one.abortAfter && !outcome.over) {
      sent.aborted = true
      call.abort()
    } else if (one.pauses && (event === 'response' || event === 'body')) {
      call.pauseBody()
      if (events % 2 === 0) setImmediate(() => call.resumeBody())
      else call.resumeBody()
    }
  }
  const length = one.body === 'none' ? 0 : one.body === 'unknown' ? -1 : 6
  const inside = cluster.send(
    request({
      target: one.target,
      method: one.method,
      bodyLength: length,
      attemptMs: one.target === '/silent' || one.body === 'unfinished' ? 40 : 5000,
      deadline:
        one.deadline || one.body === 'unfinished' ? cluster.clock.monotonic() + 60 : Infinity,
      retry: one.retry ? retryOn([503]) : undefined,
    }),
    outcome,
  )
  assert.equal(outcome.ends, 0, 'no call of the handler inside send')
  if (length !== 0) {
    inside.write(Buffer.from('abc'))
    setImmediate(() => {
      if (one.body === 'unfinished') return
      inside.write(Buffer.from('def'))
      inside.end()
    })
  } else inside.end()
  return sent
}

async function run(
  t: TestContext,
  ports: readonly number[],
  actions: readonly Action[],
  protocol: 'http1' | 'h2',
  cut: (at: number) => void,
): Promise<void> {
  const base: ClusterSpec = { connections: 3, pending: 5, loadBalancer: { panicPercent: 0 } }
  const at = rig(t, ports, base, { settings: { protocol } })
  const { cluster, registry } = at
  const sent: Sent[] = []
  for (const one of actions) {
    if (one.kind === 'send') sent.push(begin(one, at))
    else if (one.kind === 'turn') {
      for (let i = 0; i < one.n; i++) await new Promise((resolve) => setImmediate(resolve))
    } else if (one.kind === 'hosts') {
      registry.setHosts(
        cluster.name,
        one.hosts.map((i) => local(ports[i] ?? 1)),
      )
    } else if (one.kind === 'cut') cut(one.at)
    else {
      const { kind: _, ...spec } = one
      registry.configure(cluster.name, { protocol, tls: undefined, spec: { ...base, ...spec } })
    }
    const stats = cluster.stats()
    assert.ok(stats.pending >= 0 && stats.active >= 0 && stats.connections >= 0)
    for (const host of stats.hosts) assert.ok(host.active >= 0)
  }
  const until = performance.now() + 2000
  await turns(
    () =>
      performance.now() > until || sent.every(({ outcome, aborted }) => outcome.over || aborted),
  )
  for (const { what, outcome, aborted } of sent) {
    assert.equal(outcome.ends, aborted ? 0 : 1)
    if (outcome.failure !== undefined || aborted) continue
    assert.equal(outcome.status, what.target === '/503' ? 503 : 200)
    const body = what.method === 'HEAD' ? '' : bodies[what.target]
    if (body !== undefined)
      assert.ok(outcome.body === body, `${what.target} has its own body, whole`)
  }
  const stats = cluster.stats()
  assert.equal(stats.active, 0)
  assert.equal(stats.pending, 0)
  for (const host of cluster.hosts) assert.equal(host.active, 0)
  // Whatever happened, it serves on.
  registry.configure(cluster.name, { protocol, tls: undefined, spec: {} })
  registry.setHosts(cluster.name, [local(ports[0] ?? 1)])
  const after = await at.get({ target: '/ok' })
  assert.equal(after.failure?.reason, undefined)
  assert.equal(after.body, 'ok')
  await registry.close()
  await turns(() => cluster.stats().connections === 0)
}

describe('the pools of a cluster, whatever happens', () => {
  const numRuns = 40
  it('end each HTTP/1.1 request once and count nothing twice', async (t) => {
    const servers = [await RawServer.start(t, moody), await RawServer.start(t, moody)]
    const ports = [...servers.map(({ port }) => port), 1, 2]
    const cut = (i: number): void => {
      const { connections } = servers[i % 2] as RawServer
      connections[i % Math.max(1, connections.length)]?.socket.destroy()
    }
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 25 }), (actions) =>
        run(t, ports, actions, 'http1', cut),
      ),
      { numRuns },
    )
  })

  it('end each HTTP/2 stream once and count nothing twice', async (t) => {
    const options = { maxConcurrentStreams: 3 }
    const servers = [
      await StreamServer.start(t, moodyStreams, options),
      await StreamServer.start(t, moodyStreams, options),
    ]
    const ports = [...servers.map(({ port }) => port), 1, 2]
    const cut = (i: number): void => {
      const { connections } = servers[i % 2] as StreamServer
      connections[connections.length - 1]?.goaway(0)
    }
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 25 }), (actions) =>
        run(t, ports, actions, 'h2', cut),
      ),
      { numRuns },
    )
  })
})
