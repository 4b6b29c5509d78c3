import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock } from '@tidemill/core'
import { defaultListenerSettings, type SocketPlan } from '../../src/listener/listener-plan.ts'
import { type UdpCounts, UdpRelay } from '../../src/stream/udp-relay.ts'
import type { Cluster } from '../../src/upstream/cluster.ts'
import {
  listener,
  openStand,
  type Stand,
  socket,
  stream,
  streamCluster,
  until,
} from '../listener/plans.ts'

const sockets: Socket[] = []
afterEach(() => {
  for (const one of sockets.splice(0)) one.close()
})

async function open(): Promise<Socket> {
  const made = createSocket('udp4')
  sockets.push(made)
  made.bind(0, '127.0.0.1')
  await once(made, 'listening')
  return made
}

/** Answers with its name, the packet and the port that it came from. */
async function echo(name: string): Promise<Cluster> {
  const server = await open()
  server.on('message', (packet, from) =>
    server.send(`${name} ${String(packet)} ${from.port}`, from.port, from.address),
  )
  return streamCluster(`ns/${name}`, [server.address().port])
}

function udp(
  backends: readonly (readonly [Cluster, number])[],
  settings: Partial<typeof defaultListenerSettings> = {},
): SocketPlan {
  const plan = listener({
    name: 'udp',
    protocol: 'UDP',
    streams: [stream(backends)],
    settings: { ...defaultListenerSettings, ...settings },
  })
  return socket('udp', [plan], { key: 'udp:127.0.0.1:0/udp', transport: 'udp' })
}

async function ask(client: Socket, port: number, text: string): Promise<string[]> {
  client.send(text, port, '127.0.0.1')
  const [packet] = await once(client, 'message')
  return String(packet).split(' ')
}

const counts = (stand: Stand): UdpCounts => stand.set.counts().sockets[0]?.udp as UdpCounts

describe('a UDP route', () => {
  it('gives each client address a session of its own and brings replies back', async () => {
    await using stand = openStand()
    const [port = 0] = await stand.apply(udp([[await echo('a'), 1]]))
    const [one, two] = [await open(), await open()]
    const [, text, from] = await ask(one, port, 'x')
    assert.equal(text, 'x')
    assert.equal((await ask(one, port, 'y'))[2], from)
    assert.notEqual((await ask(two, port, 'z'))[2], from)
    assert.deepEqual(counts(stand), {
      sessions: 2,
      opened: 2,
      evicted: 0,
      packetsIn: 3,
      packetsOut: 3,
      dropped: 0,
    })
  })

  it('draws the backend of a new session by weight and keeps it', async () => {
    await using stand = openStand({ random: createSeededRandom(1) })
    const [port = 0] = await stand.apply(
      udp([
        [await echo('a'), 3],
        [await echo('b'), 1],
      ]),
    )
    const names: (string | undefined)[] = []
    for (let i = 0; i < 8; i++) {
      const client = await open()
      const [first] = await ask(client, port, 'x')
      assert.equal((await ask(client, port, 'y'))[0], first)
      names.push(first)
    }
    assert.equal(names.filter((name) => name === 'a').length, 6)
  })

  it('ends a session after 60 s without a packet', async () => {
    const clock = createVirtualClock()
    await using stand = openStand({ clock })
    const [port = 0] = await stand.apply(udp([[await echo('a'), 1]]))
    const [busy, quiet] = [await open(), await open()]
    const [, , before] = await ask(quiet, port, 'x')
    await ask(busy, port, 'x')
    await clock.advance(40_000)
    await ask(busy, port, 'x')
    await clock.advance(26_000)
    assert.equal(counts(stand).sessions, 1)
    assert.notEqual((await ask(quiet, port, 'x'))[2], before)
    await clock.advance(70_000)
    assert.equal(counts(stand).sessions, 0)
  })

  it('makes room for a new session by ending the one that was silent longest', async () => {
    const clock = createVirtualClock()
    await using stand = openStand({ clock })
    const [port = 0] = await stand.apply(udp([[await echo('a'), 1]], { maxConnections: 2 }))
    const [one, two, three] = [await open(), await open(), await open()]
    const [, , ofOne] = await ask(one, port, 'x')
    await ask(two, port, 'x')
    await clock.advance(2000)
    await ask(one, port, 'x')
    await ask(three, port, 'x')
    assert.deepEqual([counts(stand).sessions, counts(stand).evicted], [2, 1])
    assert.equal((await ask(one, port, 'x'))[2], ofOne)
  })

  it('drops packets of an address that has its share of sessions', async () => {
    await using stand = openStand()
    const [port = 0] = await stand.apply(
      udp([[await echo('a'), 1]], { maxConnectionsPerAddress: 1 }),
    )
    await ask(await open(), port, 'x')
    const other = await open()
    other.send('x', port, '127.0.0.1')
    await until(() => counts(stand).dropped === 1)
  })

  it('drops packets without a backend, and sessions of a backend that is gone', async () => {
    await using stand = openStand()
    const [a, b] = [await echo('a'), await echo('b')]
    const [port = 0] = await stand.apply(udp([[a, 1]]))
    const client = await open()
    assert.equal((await ask(client, port, 'x'))[0], 'a')
    await stand.apply(udp([[b, 1]]))
    assert.equal((await ask(client, port, 'x'))[0], 'b')
    await stand.apply(udp([]))
    client.send('x', port, '127.0.0.1')
    await until(() => counts(stand).dropped === 1)
    assert.equal(counts(stand).sessions, 0)
  })

  it('does not go round: a backend that is the listener itself gets no packets', async () => {
    await using stand = openStand()
    const probe = await open()
    const [port = 0] = await stand.apply(udp([[streamCluster('ns/none', []), 1]]))
    await stand.apply(udp([[streamCluster('ns/self', [port]), 1]]))
    probe.send('x', port, '127.0.0.1')
    await until(() => counts(stand).packetsIn >= 2)
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([counts(stand).packetsIn, counts(stand).dropped], [2, 1])
  })

  it('does not answer a packet that seems to come from itself', async () => {
    const clock = createVirtualClock()
    const relay = new UdpRelay(udp([[await echo('a'), 1]]), clock, createSeededRandom(1))
    const own = await open()
    relay.serve(own)
    own.send('x', own.address().port, '127.0.0.1')
    await until(() => relay.counts.dropped === 1)
    assert.equal(relay.counts.opened, 0)
    relay.close()
  })

  it('begins anew after a backend that refuses', async () => {
    const closed = await open()
    const { port: dead } = closed.address()
    sockets.splice(sockets.indexOf(closed), 1)
    closed.close()
    await using stand = openStand()
    const [port = 0] = await stand.apply(udp([[streamCluster('ns/dead', [dead]), 1]]))
    const client = await open()
    client.send('x', port, '127.0.0.1')
    await until(() => counts(stand).opened === 1 && counts(stand).sessions === 0)
  })
})
