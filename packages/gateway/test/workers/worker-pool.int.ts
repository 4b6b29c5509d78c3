import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2'
import { describe, it, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { realClock, TidemillError } from '@tidemill/core'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import type { ObjectChange } from '../../src/configuration/object-change.ts'
import {
  type ConfigurationBatch,
  createWorkerPool,
  type WorkerPool,
  type WorkerPoolOptions,
} from '../../src/workers/index.ts'
import { terminate } from '../listener/plans.ts'
import type { TestSocket } from './worker-entry.ts'

const entry = new URL('worker-entry.ts', import.meta.url)
const execArgv = process.execArgv.filter((flag) => !flag.startsWith('--test'))

async function open(
  t: Pick<TestContext, 'after'>,
  options: Partial<WorkerPoolOptions> = {},
): Promise<WorkerPool> {
  const pool = await createWorkerPool({
    entry,
    workers: 2,
    execArgv,
    grace: '300ms',
    timeout: '5s',
    ...options,
  })
  t.after(() => pool.close())
  return pool
}

const change = (key: string, text: string | undefined): ObjectChange => ({
  kind: 'Socket',
  key,
  text,
  revision: 1,
})

function batch(...sockets: TestSocket[]): ConfigurationBatch {
  const changes = sockets.map((one) => change(one.key, JSON.stringify(one)))
  return { changes, revision: 1, snapshot: false }
}

function portOf(pool: WorkerPool, key: string): number {
  return pool.sockets().find((socket) => socket.key === key)?.port ?? 0
}

/** The worker that answers a request, and the connection's local port. */
async function ask(port: number, agent: Agent | false = false): Promise<string> {
  const call = request({ host: '127.0.0.1', port, agent })
  call.end()
  const [response] = await once(call, 'response')
  response.resume()
  await once(response, 'end')
  assert.equal(response.statusCode, 200)
  return String(response.headers['x-worker'])
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 15_000
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it did not come about')
    await realClock.sleep(20)
  }
}

interface Load {
  readonly done: { ok: number; failed: string[]; workers: Set<string> }
  stop(): Promise<void>
}

/** Clients that each keep one connection and ask one request after another. */
function keepAlive(port: number, clients: number): Load {
  const done = { ok: 0, failed: [] as string[], workers: new Set<string>() }
  const run = { on: true }
  const client = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (run.on) {
      try {
        done.workers.add(await ask(port, agent))
        done.ok++
      } catch (error) {
        done.failed.push((error as NodeJS.ErrnoException).code ?? String(error))
      }
    }
    agent.destroy()
  }
  const all = Array.from({ length: clients }, client)
  return {
    done,
    async stop() {
      run.on = false
      await Promise.all(all)
    },
  }
}

/** The same over HTTP/2, each client with one session for as long as the server wants it. */
function multiplexed(port: number, ca: string, clients: number): Load {
  const done = { ok: 0, failed: [] as string[], workers: new Set<string>() }
  const run = { on: true }
  const client = async (): Promise<void> => {
    let session: ClientHttp2Session | undefined
    while (run.on) {
      if (session === undefined || session.closed || session.destroyed) {
        session = connectHttp2(`https://localhost:${port}`, { ca })
        session.on('error', () => undefined)
      }
      try {
        const stream = session.request({ ':path': '/' })
        const [headers] = await once(stream, 'response').catch((error: unknown) => {
          // Not processed, to be sent again (RFC 9113 8.7): Node's client begins streams after it was told to go.
          if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) return []
          throw error
        })
        if (headers === undefined) continue
        stream.resume()
        await once(stream, 'end')
        assert.equal(headers[':status'], 200)
        done.workers.add(String(headers['x-worker']))
        done.ok++
      } catch (error) {
        done.failed.push((error as NodeJS.ErrnoException).code ?? String(error))
      }
    }
    session?.close()
  }
  const all = Array.from({ length: clients }, client)
  return {
    done,
    async stop() {
      run.on = false
      await Promise.all(all)
    },
  }
}

describe('a pool of workers', { timeout: 60_000 }, () => {
  it('opens a socket with port 0 once for all and spreads connections evenly', async (t) => {
    const pool = await open(t)
    await pool.apply(batch({ key: 'a', protocol: 'HTTP' }, { key: 'b', protocol: 'HTTP' }))
    const [port, other] = [portOf(pool, 'a'), portOf(pool, 'b')]
    assert.ok(port > 0 && other > 0 && port !== other)
    const seen = await pool.ask('sockets')
    assert.equal(seen.length, 2)
    for (const { answer } of seen) {
      const sockets = answer as { key: string; port: number }[]
      assert.deepEqual(
        sockets.map((socket) => socket.port),
        [port, other],
      )
    }
    const agents = Array.from({ length: 10 }, () => new Agent({ keepAlive: true }))
    const counts: Record<string, number> = {}
    for (const agent of agents) {
      const worker = await ask(port, agent)
      counts[worker] = (counts[worker] ?? 0) + 1
    }
    assert.deepEqual(Object.values(counts), [5, 5])
    assert.deepEqual(
      pool.workers().map(({ connections }) => connections),
      [5, 5],
    )
    for (const agent of agents) agent.destroy()
    await eventually(() => pool.workers().every(({ connections }) => connections === 0))
  })

  it('says why a socket cannot be opened, and opens it when it can be', async (t) => {
    const pool = await open(t)
    await pool.apply(batch({ key: 'a', protocol: 'HTTP' }))
    const port = portOf(pool, 'a')
    await pool.apply(batch({ key: 'b', protocol: 'HTTP', port }))
    for (const { answer } of await pool.ask('sockets')) {
      const sockets = answer as { key: string; error?: string }[]
      assert.match(sockets[1]?.error ?? '', /TM_GATEWAY_LISTEN.*EADDRINUSE/u)
    }
    await pool.apply({ changes: [change('a', undefined)], revision: 2, snapshot: false })
    await eventually(async () =>
      (await pool.ask('sockets')).every(({ answer }) => {
        const [first, ...others] = answer as { key: string; port: number }[]
        return first?.key === 'b' && first.port === port && others.length === 0
      }),
    )
    await ask(port)
    await pool.apply({ changes: [change('b', undefined)], revision: 3, snapshot: false })
    await eventually(() => pool.sockets().length === 0)
    await assert.rejects(ask(port), { code: 'ECONNREFUSED' })
  })

  it('gives a late worker the newest state, and the last good version of what is not valid', async (t) => {
    const pool = await open(t)
    const good = JSON.stringify({ key: 'a', protocol: 'HTTP' })
    await pool.apply(batch({ key: 'a', protocol: 'HTTP' }, { key: 'gone', protocol: 'HTTP' }))
    const answer = await pool.apply({
      changes: [change('a', 'bad'), change('gone', undefined)],
      revision: 2,
      snapshot: false,
    })
    assert.deepEqual(answer, { invalid: ['Socket a'] })
    pool.setEndpoints({ 'ns/web': ['http://127.0.0.1:1'] })
    await pool.roll()
    for (const { worker, answer: objects } of await pool.ask('objects')) {
      assert.ok(worker > 2)
      assert.deepEqual(objects, { a: good })
    }
    for (const one of await pool.ask('endpoints'))
      assert.deepEqual(one.answer, { 'ns/web': ['http://127.0.0.1:1'] })
  })

  it('loses only the connections of a worker that is killed, and replaces it', async (t) => {
    const pool = await open(t)
    await pool.apply(batch({ key: 'a', protocol: 'HTTP' }))
    const port = portOf(pool, 'a')
    const load = keepAlive(port, 16)
    await eventually(() => load.done.workers.size === 2)
    const [victim, other] = pool.workers()
    const had = victim?.connections ?? 0
    process.kill(victim?.pid ?? 0, 'SIGKILL')
    await eventually(
      () =>
        pool.workers().filter(({ id, state }) => state === 'ready' && id !== victim?.id).length ===
        2,
    )
    const answered = load.done.ok
    await eventually(() => load.done.ok > answered + 200)
    await load.stop()
    assert.ok(
      load.done.failed.length <= had,
      `${load.done.failed.length} of ${load.done.ok} failed: ${load.done.failed.join(' ')}, it had ${had}`,
    )
    assert.equal(pool.crashes, 1)
    assert.equal(portOf(pool, 'a'), port)
    assert.ok(pool.workers().some(({ id }) => id === other?.id))
  })

  it('keeps connections waiting while its only worker is being replaced', async (t) => {
    const pool = await open(t, { workers: 1 })
    await pool.apply(batch({ key: 'a', protocol: 'HTTP' }))
    const port = portOf(pool, 'a')
    process.kill(pool.workers()[0]?.pid ?? 0, 'SIGKILL')
    await eventually(() => pool.crashes === 1)
    assert.equal(await ask(port), '2')
  })

  it('replaces all workers five times under load without one failed request', async (t) => {
    const authority = createTestAuthority()
    const tls = terminate([authority.issue({ names: ['localhost'] })])
    const pool = await open(t)
    await pool.apply(batch({ key: 'a', protocol: 'HTTP' }, { key: 's', protocol: 'HTTPS', tls }))
    const loads = [keepAlive(portOf(pool, 'a'), 8), multiplexed(portOf(pool, 's'), authority.ca, 4)]
    let connected = 0
    const run = { on: true }
    const fresh = (async () => {
      while (run.on) {
        await ask(portOf(pool, 'a'))
        connected++
      }
    })()
    for (let round = 0; round < 5; round++) await pool.roll()
    run.on = false
    await fresh
    for (const load of loads) await load.stop()
    for (const { done } of loads) {
      assert.deepEqual(done.failed, [])
      assert.ok(done.workers.size > 6, `${done.workers.size} workers`)
    }
    t.diagnostic(
      `${loads.map(({ done }) => done.ok).join(' + ')} requests, ${connected} connections`,
    )
    assert.equal(pool.crashes, 0)
    assert.deepEqual(
      pool.workers().map(({ id, state }) => [id, state]),
      [
        [11, 'ready'],
        [12, 'ready'],
      ],
    )
  })

  it('resumes TLS sessions with any worker, until the keys are made anew', async (t) => {
    const authority = createTestAuthority()
    const tls = terminate([authority.issue({ names: ['localhost'] })])
    const pool = await open(t, { ticketRotation: '3s' })
    await pool.apply(batch({ key: 's', protocol: 'HTTPS', tls }))
    const port = portOf(pool, 's')
    const connect = (session?: Buffer) =>
      connectTls({
        port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: authority.ca,
        ALPNProtocols: ['http/1.1'],
        session,
      })
    const reused = async (): Promise<boolean> => {
      const client = connect(session)
      await once(client, 'secureConnect')
      const resumed = client.isSessionReused()
      client.destroy()
      return resumed
    }
    const [before] = await pool.ask('tickets')
    const first = connect()
    const [session] = (await once(first, 'session')) as [Buffer]
    first.destroy()
    const all = [await reused(), await reused(), await reused()]
    const [after] = await pool.ask('tickets')
    if (after?.answer === before?.answer) assert.deepEqual(all, [true, true, true])
    await eventually(async () => {
      const now = await pool.ask('tickets')
      return now.every(({ answer }) => answer === now[0]?.answer && answer !== before?.answer)
    })
    assert.equal(await reused(), false)
  })

  it('serves a udp socket with one worker at a time, and another one when that goes', async (t) => {
    const backend = createSocket('udp4')
    backend.on('message', (packet, from) => backend.send(packet, from.port, from.address))
    backend.bind(0, '127.0.0.1')
    await once(backend, 'listening')
    t.after(() => backend.close())
    const pool = await open(t)
    await pool.apply(batch({ key: 'u', protocol: 'UDP', backends: [backend.address().port] }))
    const port = portOf(pool, 'u')
    const client = createSocket('udp4')
    client.bind(0, '127.0.0.1')
    t.after(() => client.close())
    let heard = 0
    client.on('message', () => {
      heard++
    })
    const answered = async (): Promise<void> => {
      const before = heard
      await eventually(() => {
        client.send('x', port, '127.0.0.1')
        return heard > before
      })
    }
    await answered()
    const serving = async (): Promise<number[]> =>
      (await pool.ask('sockets'))
        .filter(({ answer }) => ((answer as { packets: number }[])[0]?.packets ?? 0) > 0)
        .map(({ worker }) => worker)
    assert.equal((await serving()).length, 1)
    await pool.roll()
    await answered()
    const [now] = await serving()
    assert.ok(now !== undefined && now > 2)
    process.kill(pool.workers().find(({ id }) => id === now)?.pid ?? 0, 'SIGKILL')
    await eventually(() => pool.crashes === 1)
    await answered()
    assert.equal(portOf(pool, 'u'), port)
  })

  it('carries leases between the workers and the coordinator of the node', async (t) => {
    const messages: unknown[] = []
    const notes: unknown[] = []
    const pool = await open(t, {
      workers: 1,
      leases: {
        attach(port) {
          port.onMessage((message) => {
            messages.push(message)
            port.send({ kind: 'limit-welcome', workers: 1 })
          })
          return () => messages.push('detached')
        },
      },
      onNote: (worker, name, body) => notes.push([worker, name, body]),
    })
    await pool.ask('lease')
    await eventually(() => notes.length > 0)
    assert.deepEqual(messages, [{ kind: 'limit-hello' }])
    assert.deepEqual(notes, [[1, 'lease', { kind: 'limit-welcome', workers: 1 }]])
    await pool.close()
    assert.deepEqual(messages, [{ kind: 'limit-hello' }, 'detached'])
  })

  it('says TM_GATEWAY_WORKER_START when a worker does not start, and leaves none behind', async (t) => {
    const failing = open(t, { env: { TEST_FAIL: '1' } })
    await assert.rejects(failing, (error) => {
      assert.ok(TidemillError.is(error))
      assert.equal(error.code, 'TM_GATEWAY_WORKER_START')
      assert.match(error.message, /worker 1 did not start: exit code 1/u)
      return true
    })
  })

  it('starts a worker that dies again and again with growing waits', async (t) => {
    const pool = await open(t, { workers: 1 })
    for (let round = 1; round <= 3; round++) {
      await eventually(() => pool.workers().some(({ state }) => state === 'ready'))
      // Its answer never comes.
      assert.deepEqual(await pool.ask('die'), [])
      await eventually(() => pool.crashes === round)
    }
    await eventually(() => pool.workers().some(({ state }) => state === 'ready'))
  })

  it('leaves no worker behind when the primary is killed', async () => {
    const primary = fork(new URL('primary-entry.ts', import.meta.url), { execArgv })
    const [pids] = (await once(primary, 'message')) as [number[]]
    assert.equal(pids.length, 2)
    primary.kill('SIGKILL')
    const alive = (pid: number): boolean => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    }
    await eventually(() => !pids.some(alive))
  })

  it('drains: takes no more connections, answers what is under way and ends', async (t) => {
    const pool = await open(t)
    await pool.apply(batch({ key: 'a', protocol: 'HTTP' }))
    const port = portOf(pool, 'a')
    const load = keepAlive(port, 4)
    await eventually(() => load.done.ok > 50)
    const drained = pool.drain()
    await load.stop()
    await drained
    assert.ok(
      load.done.failed.every((code) => code === 'ECONNREFUSED'),
      load.done.failed.join(' '),
    )
    assert.deepEqual(pool.workers(), [])
    assert.equal(pool.crashes, 0)
  })
})
