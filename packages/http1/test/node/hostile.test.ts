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
