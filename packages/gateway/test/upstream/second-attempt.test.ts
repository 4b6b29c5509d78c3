import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RetryPlan } from '../../src/upstream/index.ts'
import { Outcome, request, retryOn, rig, type Rig } from './rig.ts'
import { RawServer } from './raw-server.ts'
import { StreamServer } from './stream-server.ts'

const part = Buffer.alloc(64 * 1024, 97)
const parts = 48

/** Sends 3 MiB as fast as it is let. */
function upload(cluster: Rig['cluster'], retry: RetryPlan): Promise<Outcome> {
  const outcome = new Outcome()
  const call = cluster.send(
    request({ method: 'PUT', bodyLength: parts * part.length, retry }),
    outcome,
  )
  let left = parts
  const pump = (): void => {
    while (left > 0) {
      left--
      if (!call.write(part)) return
    }
    call.end()
  }
  outcome.react = (_, event) => {
    if (event === 'writable') pump()
  }
  pump()
  return outcome.done()
}

const plan = retryOn([503], { bufferBytes: 16 * 1024 * 1024 })

describe('a second attempt', () => {
  it('sends a long kept body over HTTP/2 no faster than it is taken', async (t) => {
    const server = await StreamServer.start(t, ({ stream, body }) => {
      stream.headers([':status', server.requests.length === 1 ? '503' : '200'], false)
      stream.data(Buffer.from(String(body.length)), true)
    })
    const { cluster } = rig(t, [server.port], {}, { settings: { protocol: 'h2' } })
    const outcome = await upload(cluster, plan)
    assert.equal(outcome.failure, undefined)
    assert.equal(outcome.status, 200)
    assert.equal(outcome.body, String(parts * part.length))
    assert.equal(server.requests.length, 2)
  })

  it('sends a long kept body over HTTP/1.1', async (t) => {
    const server = await RawServer.start(t, (connection) =>
      connection.send(
        `HTTP/1.1 ${server.requests.length === 1 ? 503 : 200} X\r\nContent-Length: 0\r\n\r\n`,
      ),
    )
    const { cluster } = rig(t, [server.port])
    const outcome = await upload(cluster, plan)
    assert.equal(outcome.status, 200)
    assert.deepEqual(
      server.requests.map(({ body }) => body.length),
      [parts * part.length, parts * part.length],
    )
  })

  it('that fails too tells that the first may have been acted on', async (t) => {
    const server = await RawServer.start(t, (connection) => {
      connection.answer()
      server.stop()
    })
    const { get } = rig(t, [server.port], { connectTimeout: '200ms' })
    const outcome = await get({ retry: retryOn([200], { attempts: 1 }) })
    assert.equal(outcome.failure?.kind, 'connect')
    assert.equal(outcome.failure.processed, true)
  })
})

describe('hosts that share a limit of connections', () => {
  it('get that of another one that carries no stream', async (t) => {
    const servers = await Promise.all(
      [1, 2].map(() =>
        StreamServer.start(t, ({ stream }) => stream.headers([':status', '204'], true)),
      ),
    )
    const { cluster, get } = rig(
      t,
      servers.map(({ port }) => port),
      { connections: 1, loadBalancer: { type: 'round-robin' } },
      { settings: { protocol: 'h2' } },
    )
    for (let i = 0; i < 6; i++) assert.equal((await get()).status, 204)
    console.log(
      servers.map((s) => s.requests.length),
      JSON.stringify(cluster.stats()),
    )
    assert.ok(servers.every(({ requests }) => requests.length > 0))
    const together = await Promise.all([get(), get(), get(), get()])
    for (const { status } of together) assert.equal(status, 204)
    assert.equal(cluster.stats().connections, 1)
  })

  it('are served at once when the limit is raised', async (t) => {
    const server = await RawServer.start(t, (connection, { target }) => {
      if (target !== '/never') connection.answer()
    })
    const { cluster, get, registry } = rig(t, [server.port], { connections: 1 })
    const never = new Outcome()
    const call = cluster.send(request({ target: '/never' }), never)
    const waits = get()
    const settings = { protocol: 'http1', tls: undefined, spec: { connections: 2 } } as const
    registry.configure(cluster.name, settings)
    assert.equal((await waits).status, 200)
    assert.equal(never.over, false)
    call.abort()
  })
})
