import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createSeededRandom } from '@tidemill/core'
import { createHttp1Server } from '@tidemill/http1/node'
import { mutate, seeds } from '../mutation.ts'
import { RawPeer, responses, turns } from './raw-peer.ts'

it('clients that send garbage, stop half-way, or are killed leave nothing behind', async () => {
  const random = createSeededRandom(7)
  let aborted = 0
  await using server = createHttp1Server({
    drainIdle: '0s',
    handler: {
      onRequest: () => undefined,
      onEnd(exchange) {
        // Some answers come late, when the client may be gone.
        if (random.integer(2) === 0) exchange.respond(200, [], 'x'.repeat(random.integer(2000)))
        else setImmediate(() => void (exchange.open && exchange.respond(200, [])))
      },
      onAbort: () => aborted++,
    },
  })
  const { port } = await server.listen()
  for (let round = 0; round < 20; round++) {
    const peers = await Promise.all(Array.from({ length: 20 }, () => RawPeer.connect(port)))
    for (const peer of peers) {
      const bytes = Buffer.from(
        mutate(random, seeds[random.integer(seeds.length)] ?? '', seeds),
        'latin1',
      )
      const cut = random.integer(bytes.length + 1)
      peer.socket.write(bytes.subarray(0, cut))
      setImmediate(() => {
        if (random.integer(3) === 0) peer.socket.resetAndDestroy()
        else if (random.integer(2) === 0) peer.socket.end(bytes.subarray(cut))
        else {
          peer.socket.write(bytes.subarray(cut))
          peer.socket.destroySoon()
        }
      })
    }
    await turns(() => peers.every((peer) => peer.socket.destroyed || peer.closed))
    for (const peer of peers) peer.socket.destroy()
  }
  await turns(() => server.connections === 0)
  assert.ok(aborted > 0)
  const last = await RawPeer.connect(port)
  last.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await last.until((text) => responses(text) === 1)
  last.socket.destroy()
})

it('a handler that holds a body back after its response does not stop the connection', async () => {
  await using server = createHttp1Server({
    drainIdle: '0s',
    handler: {
      onRequest(exchange) {
        exchange.respond(200, [])
        if (exchange.head.method === 'POST') exchange.pauseBody()
      },
    },
  })
  const peer = await RawPeer.connect((await server.listen()).port)
  peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi')
  peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await peer.until((text) => responses(text) === 2)
  peer.socket.destroy()
})

it('a handler that throws when its request is aborted does not keep other connections open', async () => {
  const asked = Promise.withResolvers<void>()
  let count = 0
  const server = createHttp1Server({
    drainTimeout: '0s',
    handler: {
      onRequest() {
        count++
        if (count === 2) asked.resolve()
      },
      onEnd: () => undefined,
      onAbort() {
        throw new Error('the handler is broken')
      },
    },
  })
  const { port } = await server.listen()
  const peers = await Promise.all([RawPeer.connect(port), RawPeer.connect(port)])
  for (const peer of peers) peer.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await asked.promise
  const uncaught: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => uncaught.push(error))
  await server.close()
  await new Promise((resolve) => setImmediate(resolve))
  process.removeAllListeners('uncaughtException')
  for (const listener of listeners) process.on('uncaughtException', listener)
  assert.equal(server.connections, 0)
  assert.equal(uncaught.length, 2)
  for (const peer of peers) peer.socket.destroy()
})
