import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { nextBackend, streamFor } from '../../src/stream/stream-choice.ts'
import type { Cluster } from '../../src/upstream/cluster.ts'
import { listener, openStand, socket, stream, streamCluster, until } from '../listener/plans.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function serve(handle: (connection: Socket) => void): Promise<Cluster> {
  const server = createServer({ allowHalfOpen: true }, (connection) => {
    connection.on('error', () => undefined)
    handle(connection)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return streamCluster('ns/bytes', [(server.address() as AddressInfo).port])
}

function tcp(...backends: readonly (readonly [Cluster, number])[]) {
  const streams = backends.length === 0 ? [] : [stream(backends)]
  return socket('tcp', [listener({ name: 'tcp', protocol: 'TCP', streams })])
}

async function readAll(connection: Socket): Promise<string> {
  let text = ''
  for await (const chunk of connection) text += String(chunk)
  return text
}

/** Why a connection closed. */
function ending(connection: Socket): Promise<string> {
  return new Promise((resolve) => {
    let code = 'end'
    connection.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message
    })
    connection.on('close', () => resolve(code))
    connection.resume()
  })
}

describe('a TCP route', () => {
  it('carries bytes both ways and each end of a direction on its own', async () => {
    // The backend answers only when the client has ended its side.
    const backend = await serve((connection) => {
      let bytes = 0
      connection.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      connection.on('end', () => connection.end(`got ${bytes}`))
    })
    await using stand = openStand()
    const [port = 0] = await stand.apply(tcp([backend, 1]))
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    client.write('hello')
    client.end(Buffer.alloc(100_000))
    assert.equal(await readAll(client), 'got 100005')
    await until(() => stand.set.counts().streams.open === 0)
    const { opened, resets, bytesIn, bytesOut } = stand.set.counts().streams
    assert.deepEqual(
      { opened, resets, bytesIn, bytesOut },
      { opened: 1, resets: 0, bytesIn: 100_005, bytesOut: 10 },
    )
  })

  it('lets a backend end first and still hears the client', async () => {
    let heard = ''
    const backend = await serve((connection) => {
      connection.end('bye')
      connection.on('data', (chunk: Buffer) => {
        heard += String(chunk)
      })
    })
    await using stand = openStand()
    const [port = 0] = await stand.apply(tcp([backend, 1]))
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    assert.equal(await readAll(client), 'bye')
    client.end('late words')
    await until(() => heard === 'late words')
    await until(() => stand.set.counts().streams.open === 0)
    assert.equal(stand.set.counts().streams.resets, 0)
  })

  it('holds a fast sender back while the reader is slow', async () => {
    let backendSide: Socket | undefined
    const backend = await serve((connection) => {
      connection.pause()
      backendSide = connection
    })
    await using stand = openStand()
    const [port = 0] = await stand.apply(tcp([backend, 1]))
    const client = connect(port, '127.0.0.1')
    const total = 64 * 1024 * 1024
    const part = Buffer.alloc(1024 * 1024)
    for (let sent = 0; sent < total; sent += part.length) client.write(part)
    client.end()
    let last = -1
    // The counters stand still when every buffer on the way is full.
    for (let same = 0; same < 200; ) {
      await new Promise((resolve) => setImmediate(resolve))
      const { bytesIn } = stand.set.counts().streams
      same = bytesIn === last && bytesIn > 0 ? same + 1 : 0
      last = bytesIn
    }
    assert.ok(last < total / 2, `${last} bytes are on their way`)
    let received = 0
    backendSide?.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    backendSide?.resume()
    await until(() => received === total)
    backendSide?.end()
    await readAll(client)
    await until(() => stand.set.counts().streams.open === 0)
  })

  it('resets the client when no route, no backend or no host takes it', async () => {
    await using stand = openStand()
    const unreachable = streamCluster('ns/gone', [1])
    const empty = streamCluster('ns/empty', [])
    for (const plan of [tcp(), tcp([empty, 1]), tcp([unreachable, 1]), tcp([unreachable, 0])]) {
      const [port = 0] = await stand.apply(plan)
      const client = connect(port, '127.0.0.1')
      assert.equal(await ending(client), 'ECONNRESET')
    }
    assert.equal(stand.set.counts().streams.refused, 4)
  })

  it('breaks one side when the other one breaks', async () => {
    const sides: Socket[] = []
    const backend = await serve((connection) => {
      sides.push(connection)
      connection.write('x')
    })
    await using stand = openStand()
    const [port = 0] = await stand.apply(tcp([backend, 1]))
    const first = connect(port, '127.0.0.1')
    await once(first, 'data')
    const lost = ending(first)
    sides[0]?.resetAndDestroy()
    assert.equal(await lost, 'ECONNRESET')
    const second = connect(port, '127.0.0.1')
    await once(second, 'data')
    const seen = ending(sides[1] as Socket)
    second.resetAndDestroy()
    assert.equal(await seen, 'ECONNRESET')
    assert.equal(stand.set.counts().streams.resets, 2)
  })

  it('ends after 300 s without a byte either way, and a byte begins them anew', async () => {
    const clock = createVirtualClock()
    let echoed = 0
    const backend = await serve((connection) => {
      connection.on('data', (chunk: Buffer) => {
        echoed++
        connection.write(chunk)
      })
    })
    await using stand = openStand({ clock })
    const [port = 0] = await stand.apply(tcp([backend, 1]))
    const client = connect(port, '127.0.0.1')
    client.write('1')
    await once(client, 'data')
    await clock.advance(299_000)
    client.write('2')
    await once(client, 'data')
    assert.equal(echoed, 2)
    const lost = ending(client)
    await clock.advance(299_000)
    assert.equal(client.closed, false)
    await clock.advance(1100)
    assert.equal(await lost, 'ECONNRESET')
    assert.equal(stand.set.counts().streams.idle, 1)
  })

  it('draws backends by their weights, exactly', async () => {
    const counts = new Map<string, number>()
    const count = (name: string): void => {
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    const a = await serve((connection) => connection.end('a'))
    const b = await serve((connection) => connection.end('b'))
    await using stand = openStand()
    const [port = 0] = await stand.apply(tcp([a, 7], [b, 3]))
    for (let i = 0; i < 20; i++) count(await readAll(connect(port, '127.0.0.1')))
    assert.deepEqual(Object.fromEntries(counts), { a: 14, b: 6 })
  })

  it('goes to new backends after a change while an open connection stays', async () => {
    const echo = (name: string) =>
      serve((connection) => {
        connection.on('data', (chunk: Buffer) => connection.write(`${name}${String(chunk)}`))
      })
    const [a, b] = [await echo('a'), await echo('b')]
    await using stand = openStand()
    const [port = 0] = await stand.apply(tcp([a, 1]))
    const ask = async (client: Socket): Promise<string> => {
      client.write('?')
      return String((await once(client, 'data'))[0])
    }
    const first = connect(port, '127.0.0.1')
    assert.equal(await ask(first), 'a?')
    await stand.apply(tcp([b, 1]))
    const second = connect(port, '127.0.0.1')
    assert.equal(await ask(second), 'b?')
    assert.equal(await ask(first), 'a?')
    first.destroy()
    second.destroy()
  })
})

describe('the choice of a stream', () => {
  const cluster = (name: string): Cluster => streamCluster(name, [])

  it('spreads backends smoothly: a:5 b:1 c:1 is aabacaa', () => {
    const plan = stream([
      [cluster('a'), 5],
      [cluster('b'), 1],
      [cluster('c'), 1],
    ])
    const drawn = Array.from({ length: 7 }, () => nextBackend(plan)?.name)
    assert.equal(drawn.join(''), 'aabacaa')
  })

  it('takes the route with the most specific hostname', () => {
    const [any, wild, one] = [
      stream([[cluster('any'), 1]]),
      stream([[cluster('wild'), 1]], ['*.a.test']),
      stream([[cluster('one'), 1]], ['x.a.test', 'y.b.test']),
    ]
    const streams = [any, wild, one]
    for (const [name, expected] of [
      ['x.a.test', one],
      ['z.a.test', wild],
      ['y.b.test', one],
      ['', any],
    ] as const)
      assert.equal(streamFor(streams, name), expected, name)
    assert.equal(streamFor([wild, one], 'c.test'), undefined)
    assert.equal(streamFor([], ''), undefined)
  })
})
