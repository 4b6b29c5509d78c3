import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { realClock } from '@tidemill/core'
import { coreSharingNote, listeningInode, parseCoreList } from '../../src/bench/core-sharing.ts'
import { createRelay } from '../../src/bench/relay.ts'

async function echoServer() {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('the delaying relay', () => {
  it('holds bytes back by the round trip and keeps all of them in order', async () => {
    await using server = await echoServer()
    await using relay = await createRelay({
      host: '127.0.0.1',
      port: server.port,
      rttMs: 300,
      clock: realClock,
    })
    const socket = connect(relay.port, '127.0.0.1')
    await once(socket, 'connect')
    const from = performance.now()
    const sent = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 31) & 0xff))
    const received: Buffer[] = []
    let firstAt = 0
    socket.on('data', (chunk: Buffer) => {
      if (firstAt === 0) firstAt = performance.now()
      received.push(chunk)
    })
    socket.end(sent)
    await once(socket, 'end')
    assert.ok(firstAt - from >= 299, `${firstAt - from} ms`)
    assert.ok(Buffer.concat(received).equals(sent))
  })
  it('pauses the sender when more than its bound is under way', async () => {
    await using server = await echoServer()
    await using relay = await createRelay({
      host: '127.0.0.1',
      port: server.port,
      rttMs: 2,
      clock: realClock,
      maxBytes: 64 * 1024,
    })
    const socket = connect(relay.port, '127.0.0.1')
    const sent = Buffer.alloc(3_000_000, 5)
    let received = 0
    socket.on('data', (chunk: Buffer) => (received += chunk.length))
    socket.end(sent)
    await once(socket, 'end')
    assert.equal(received, sent.length)
  })
  it('closes the client when the server is gone, and everything when it is closed', async () => {
    await using server = await echoServer()
    const relay = await createRelay({
      host: '127.0.0.1',
      port: server.port,
      rttMs: 1,
      clock: realClock,
    })
    const cut = connect(relay.port, '127.0.0.1')
    cut.on('error', () => undefined)
    cut.write('x')
    await once(cut, 'data')
    for (const socket of server.sockets) socket.destroy()
    await once(cut, 'close')
    const open = connect(relay.port, '127.0.0.1')
    open.on('error', () => undefined)
    open.write('x')
    await once(open, 'data')
    const closed = once(open, 'close')
    await relay.close()
    await closed
  })
})

describe('cores that tool and server share', () => {
  it('are read from lists of the kernel', () => {
    assert.deepEqual([...parseCoreList('0-2,5\n')], [0, 1, 2, 5])
  })
  it('are found by the socket that listens', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:C383 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1',
      '   1: 0100007F:C384 0100007F:C383 01 00000000:00000000 00:00000000 00000000     0        0 778 1',
    ].join('\n')
    assert.equal(listeningInode(table, 50_051), '777')
    assert.equal(listeningInode(table, 50_052), undefined)
  })
  it('are said to be one process when they are', async () => {
    await using server = await echoServer()
    assert.match(coreSharingNote(server.port) ?? '', /in this process/u)
  })
})
