import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { test } from 'node:test'
import { HpackDecoder } from '../../src/hpack/decoder.ts'
import { HpackEncoder } from '../../src/hpack/encoder.ts'
import type { HeaderList } from '../../src/header-list.ts'

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const HEADERS = 1
const END_STREAM = 1
const END_HEADERS = 4

function frame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

const request: HeaderList = [
  ':method',
  'POST',
  ':scheme',
  'http',
  ':path',
  '/pkg.Service/Method',
  ':authority',
  'localhost',
  'te',
  'trailers',
  'content-type',
  'application/grpc',
  'user-agent',
  'tidemill/1.0 (test; \xe9)',
]

/** What a busy client and a chatty one send: constants, values that change, long ones, an entry that evicts. */
function requests(count: number): HeaderList[] {
  return Array.from({ length: count }, (_, i) => {
    const fields = [...request, 'grpc-timeout', `${i * 7919}u`, 'x-tenant', `tenant-${i % 3}`]
    if (i % 5 === 0) fields.push('authorization', `Bearer ${'t'.repeat(1 + (i % 90))}`)
    if (i % 7 === 0) fields.push('x-long', `${i}${'~!"(){}\\'.repeat(i % 200)}`)
    if (i % 11 === 0) fields.push('x-bytes', `\x80\xa0\xff${i}`)
    return i % 4 === 0 ? Object.freeze([...request]) : fields
  })
}

test('node:http2 decodes what ours encodes', { timeout: 20_000 }, async () => {
  const lists = requests(400)
  const seen: string[][] = []
  const done = Promise.withResolvers<void>()
  const timeout = AbortSignal.timeout(15_000)
  timeout.addEventListener('abort', () => done.reject(timeout.reason as Error))
  const server = http2.createServer()
  server.on('stream', (stream, _headers, _flags, rawHeaders) => {
    seen.push(rawHeaders)
    stream.on('error', done.reject)
    stream.respond({ ':status': 204 }, { endStream: true })
    if (seen.length === lists.length) done.resolve()
  })
  server.on('sessionError', done.reject)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  socket.resume()
  socket.on('error', done.reject)
  const encoder = new HpackEncoder()
  socket.write(
    Buffer.concat([preface, frame(4, 0, 0, Buffer.alloc(0)), frame(4, 1, 0, Buffer.alloc(0))]),
  )
  for (const [i, list] of lists.entries()) {
    const target = Buffer.alloc(encoder.bound(list))
    const end = encoder.encode(list, target, 0)
    socket.write(frame(HEADERS, END_STREAM | END_HEADERS, 2 * i + 1, target.subarray(0, end)))
    // Node's limit of concurrent streams is no matter here, but its output must be read.
    if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
  }
  try {
    await done.promise
  } finally {
    socket.destroy()
    server.close()
  }
  for (const [i, list] of lists.entries()) assert.deepEqual(seen[i], list)
})

test('ours decodes what node:http2 encodes, with the table it was told', {
  timeout: 60_000,
}, async () => {
  for (const maxTableSize of [4096, 0, 200]) {
    const lists = requests(120)
    const settings = Buffer.alloc(6)
    settings.writeUInt16BE(1, 0)
    settings.writeUInt32BE(maxTableSize, 2)
    const decoder = new HpackDecoder()
    const seen: HeaderList[] = []
    const done = Promise.withResolvers<void>()
    const timeout = AbortSignal.timeout(15_000)
    timeout.addEventListener('abort', () => done.reject(timeout.reason as Error))
    const server = net.createServer((socket) => {
      let pending = Buffer.alloc(0)
      let skip = preface.length
      socket.write(frame(4, 0, 0, settings))
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        pending = Buffer.concat([pending, chunk])
        const start = Math.min(skip, pending.length)
        skip -= start
        pending = pending.subarray(start)
        while (pending.length >= 9) {
          const length = pending.readUIntBE(0, 3)
          if (pending.length < 9 + length) return
          const [type, flags, id] = [pending[3], pending[4] as number, pending.readUInt32BE(5)]
          if (type === 4) {
            if ((flags & 1) === 1) decoder.setMaxTableSize(maxTableSize)
            else socket.write(frame(4, 1, 0, Buffer.alloc(0)))
          }
          if (type === HEADERS) {
            const priority = (flags & 0x20) === 0 ? 0 : 5
            const block = decoder.decode(pending, 9 + priority, 9 + length)
            if (block.verdict !== 0) done.reject(new Error(block.reason))
            seen.push(block.list)
            socket.write(frame(HEADERS, END_STREAM | END_HEADERS, id, Buffer.of(0x89)))
          }
          pending = pending.subarray(9 + length)
        }
        if (seen.length === lists.length) done.resolve()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const session = http2.connect(`http://127.0.0.1:${(server.address() as net.AddressInfo).port}`)
    session.on('error', done.reject)
    try {
      await once(session, 'remoteSettings')
      for (const list of lists) {
        const stream = session.request([...list] as never, { endStream: true })
        stream.on('error', done.reject)
        stream.resume()
        await once(stream, 'response')
      }
      await done.promise
    } finally {
      session.destroy()
      server.close()
    }
    for (const [i, list] of lists.entries()) assert.deepEqual(seen[i], list)
  }
})
