import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import {
  type Channel,
  createChannel,
  createServer,
  isRpcError,
  type Server,
  type ServerOptions,
  type TransportName,
} from '../../src/index.ts'
import { until } from './loopback.ts'

const echo = Buffer.from('echo')

/** A server with a method that answers at once, and one that waits for the test. */
async function listen(
  h2: TransportName,
  options: ServerOptions = {},
): Promise<{ server: Server; target: string; release: () => void; waiting: () => number }> {
  const held: (() => void)[] = []
  const server = createServer({ h2, ...options })
  server.addRaw('/t.S/Echo', { kind: 'unary', handler: (request) => request })
  server.addRaw('/t.S/Hold', {
    kind: 'unary',
    handler: (request) =>
      new Promise((resolve) => {
        held.push(() => resolve(request))
      }),
  })
  const { target } = await server.listen('127.0.0.1:0')
  const release = (): void => {
    for (const one of held.splice(0)) one()
  }
  return { server, target, release, waiting: () => held.length }
}

/** The status with which the call fails; 0 when it does not. */
async function statusOf(call: Promise<unknown>): Promise<number> {
  try {
    await call
    return 0
  } catch (error) {
    if (isRpcError(error)) return error.status
    throw error
  }
}

for (const h2 of ['node', 'native'] as const) describe(`channel by ${h2}`, () => cases(h2))

function cases(h2: TransportName): void {
  it('tells its state and waits for it', async () => {
    const { server, target } = await listen(h2)
    const channel = createChannel(target, { h2 })
    assert.equal(channel.state(), 'IDLE')
    const changed = channel.watchState('IDLE')
    assert.equal(channel.state({ connect: true }), 'CONNECTING')
    assert.equal(await changed, 'CONNECTING')
    await channel.ready({ timeout: '5s' })
    assert.equal(channel.state(), 'READY')
    assert.equal(channel.stats().connections, 1)
    await channel.close()
    assert.equal(channel.state(), 'SHUTDOWN')
    const isClosed = (error: unknown): boolean => TidemillError.is(error, 'TM_CORE_CLOSED')
    await assert.rejects(channel.ready(), isClosed)
    await server.close()
  })

  it('refuses a wrong target and a wrong service config when it is made', () => {
    for (const target of ['', 'a b:1', 'host:99999', 'unix://host/path', 'ipv4:x:1']) {
      const isTarget = (error: unknown): boolean => TidemillError.is(error, 'TM_RPC_TARGET')
      assert.throws(() => createChannel(target, { h2 }), isTarget, target)
    }
    assert.throws(
      () => createChannel('127.0.0.1:1', { h2, serviceConfig: '{"methodConfig":[{"name":1}]}' }),
      (error) => TidemillError.is(error, 'TM_RPC_SERVICE_CONFIG'),
    )
  })

  it('lets the deadline of a call run while it waits for a stream, and bounds the wait', async () => {
    const { release, server, target, waiting } = await listen(h2, { maxConcurrentStreams: 1 })
    const channel = createChannel(target, { h2, maxQueuedCalls: 1 })
    await channel.ready()
    const first = channel.unaryRaw('/t.S/Hold', echo)
    await until('it is served', () => waiting() === 1)
    const late = statusOf(channel.unaryRaw('/t.S/Echo', echo, { deadline: '20ms' }))
    assert.equal(channel.stats().streamsQueued, 1)
    assert.equal(await statusOf(channel.unaryRaw('/t.S/Echo', echo)), 8)
    assert.equal(await late, 4)
    assert.equal(channel.stats().streamsQueued, 0)
    const next = channel.unaryRaw('/t.S/Echo', echo)
    release()
    assert.deepEqual(Buffer.from(await next), echo)
    await first
    const { attempts, queueOverflows, queued } = channel.stats()
    assert.deepEqual([attempts, queued, queueOverflows], [4, 2, 1])
    await channel.close()
    await server.close()
  })

  it('repeats a call that the server says in its GOAWAY it has not looked at', async () => {
    const { server, target } = await listen(h2)
    const front = await goawayBefore(target)
    const channel = createChannel(front.target, { h2 })
    assert.deepEqual(Buffer.from(await channel.unaryRaw('/t.S/Echo', echo)), echo)
    const { callsStarted } = server.stats()
    assert.equal(callsStarted, 1)
    assert.equal(channel.stats().connects, 2)
    await channel.close()
    await front.close()
    await server.close()
  })

  it('is told to go away when it pings too often, and pings half as often then', async () => {
    const clock = createVirtualClock()
    const { server, target, waiting } = await listen(h2, {
      clock,
      keepalive: { minPingInterval: '1h' },
    })
    const channel = createChannel(target, {
      h2,
      clock,
      keepalive: { time: '10s', timeout: '1h' },
    })
    const held = (): Promise<number> => statusOf(channel.unaryRaw('/t.S/Hold', echo))
    let lost = 0
    const begin = async (): Promise<void> => {
      const count = waiting()
      void held().then(() => lost++)
      await until('the call is there', () => waiting() === count + 1)
    }
    /** Seconds of virtual time until the server ends the connection. */
    const secondsUntilLost = async (): Promise<number> => {
      const before = lost
      for (let second = 1; second < 400; second++) {
        await clock.advance(1000)
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
        if (lost > before) return second
      }
      return Infinity
    }
    await begin()
    const first = await secondsUntilLost()
    await begin()
    const second = await secondsUntilLost()
    assert.ok(first < 100, `lost after ${first} s`)
    assert.ok(second > first * 1.4, `lost after ${first} s, then after ${second} s`)
    await channel.close({ grace: 0 })
    await server.close()
  })

  it('moves to a new connection when the server ends an old one, without losing a call', async () => {
    const clock = createVirtualClock()
    const { server, target } = await listen(h2, {
      clock,
      keepalive: { maxAge: '30s', maxAgeGrace: '5s' },
    })
    const channel = createChannel(target, { h2 })
    for (let second = 0; second < 120; second += 10) {
      assert.equal(await statusOf(channel.unaryRaw('/t.S/Echo', echo)), 0)
      await clock.advance(10_000)
    }
    assert.ok(channel.stats().connects >= 3, `${channel.stats().connects} connections`)
    await channel.close()
    await server.close()
  })

  it('lets open calls end when it is closed, and cuts them when the grace is over', async () => {
    const { release, server, target, waiting } = await listen(h2)
    const channel = createChannel(target, { h2 })
    const call = channel.unaryRaw('/t.S/Hold', echo)
    await until('it is served', () => waiting() === 1)
    const closing = channel.close({ grace: '5s' })
    release()
    assert.deepEqual(Buffer.from(await call), echo)
    await closing
    const other: Channel = createChannel(target, { h2 })
    const cut = statusOf(other.unaryRaw('/t.S/Hold', echo))
    await until('it is served', () => waiting() === 1)
    await other.close({ grace: 0 })
    assert.notEqual(await cut, 0)
    await server.close()
  })

  it('takes timeout, sizes and waiting of a method from the service config', async () => {
    const { server, target } = await listen(h2)
    const methodConfig = [
      { name: [{ service: 't.S', method: 'Hold' }], timeout: '0.02s' },
      { name: [{ service: 't.S', method: 'Echo' }], maxRequestMessageBytes: 3 },
    ]
    const channel = createChannel(target, { h2, serviceConfig: { methodConfig } })
    assert.equal(await statusOf(channel.unaryRaw('/t.S/Hold', echo)), 4)
    assert.equal(await statusOf(channel.unaryRaw('/t.S/Echo', echo)), 8)
    assert.equal(await statusOf(channel.unaryRaw('/t.S/Echo', echo.subarray(1))), 0)
    await channel.close()
    await server.close()
  })
}

/** Frames of HTTP/2 (RFC 9113 6.5, 6.8): empty SETTINGS, and a GOAWAY that says no stream was looked at. */
const settingsFrame = Buffer.from('000000040000000000', 'hex')
const goawayFrame = Buffer.from('00000807000000000000000000'.concat('00000000'), 'hex')
const headersType = 1

/** In front of a server: answers the first request of the first connection with a GOAWAY, and passes on the others. */
async function goawayBefore(
  target: string,
): Promise<{ target: string; close: () => Promise<void> }> {
  const sockets = new Set<Socket>()
  let connections = 0
  const front = createTcpServer((near) => {
    sockets.add(near)
    near.on('error', () => {})
    if (++connections > 1) {
      const far = connect(Number(target.split(':')[1]), '127.0.0.1')
      sockets.add(far)
      far.on('error', () => {})
      near.pipe(far).pipe(near)
      return
    }
    near.write(settingsFrame)
    let bytes = Buffer.alloc(0)
    near.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      // After the preface of 24 bytes, frame by frame.
      for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
        if (bytes[at + 3] === headersType) near.write(goawayFrame)
      }
    })
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  return {
    target: `127.0.0.1:${(front.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        front.close(() => resolve())
      }),
  }
}
