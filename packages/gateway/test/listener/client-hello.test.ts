import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { before, describe, it } from 'node:test'
import { connect, type ConnectionOptions } from 'node:tls'
import { createSeededRandom } from '@tidemill/core'
import fc from 'fast-check'
import { ClientHelloReader } from '../../src/listener/client-hello.ts'

/** The first bytes that OpenSSL sends with these options. */
async function record(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ...options,
  })
  client.on('error', () => undefined)
  const [socket] = await once(server, 'connection')
  const chunks: Buffer[] = []
  let needed = 5
  for await (const chunk of socket) {
    chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    if (bytes.length >= 5) needed = 5 + bytes.readUInt16BE(3)
    if (bytes.length >= needed) break
  }
  client.destroy()
  server.close()
  return Buffer.concat(chunks)
}

/** The same message in records of at most `size` bytes. */
function fragment(hello: Buffer, size: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 5; at < hello.length; at += size) {
    const part = hello.subarray(at, at + size)
    parts.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part)
  }
  return Buffer.concat(parts)
}

/** How a reader takes the bytes in these pieces, as one text. */
function read(bytes: Buffer, cuts: readonly number[] = []): string {
  const reader = new ClientHelloReader()
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b)
  let at = 0
  let state = 'more'
  for (const end of [...ends, bytes.length]) {
    if (end === at) continue
    state = reader.push(bytes.subarray(at, end))
    at = end
    if (state !== 'more') break
  }
  assert.deepEqual(reader.bytes, bytes.subarray(0, at))
  assert.equal(state === 'complete', reader.hello !== undefined)
  return state === 'complete' ? JSON.stringify(reader.hello) : state
}

describe('ClientHelloReader', () => {
  let modern: Buffer
  let old: Buffer
  before(async () => {
    modern = await record({ servername: 'Shop.Example.com', ALPNProtocols: ['h2', 'http/1.1'] })
    old = await record({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' })
  })

  it('finds the server name in lower case and the protocols in their order', () => {
    assert.equal(read(modern), '{"serverName":"shop.example.com","protocols":["h2","http/1.1"]}')
  })

  it('has an empty name for a client that sends none', () => {
    assert.equal(read(old), '{"serverName":"","protocols":[]}')
  })

  it('says the same at every place where the bytes are cut, and byte by byte', () => {
    const whole = read(modern)
    for (let cut = 1; cut < modern.length; cut++) assert.equal(read(modern, [cut]), whole)
    assert.equal(read(modern, Array.from(modern.keys())), whole)
  })

  it('puts a message together from several records', () => {
    for (const size of [1, 3, 100, 511]) assert.equal(read(fragment(modern, size)), read(modern))
  })

  it('waits for more as long as the message is not complete', () => {
    for (let end = 0; end < modern.length; end++)
      assert.equal(read(modern.subarray(0, end)), 'more')
  })

  it('refuses what is no handshake with its first byte', () => {
    const reader = new ClientHelloReader()
    assert.equal(reader.push(Buffer.from('G')), 'refused')
    assert.equal(reader.plainHttp, true)
    assert.equal(read(Buffer.from([0x80, 0x2e, 1])), 'refused')
  })

  it('refuses a message beyond 16 KiB without having buffered it', () => {
    const head = Buffer.from([22, 3, 1, 0, 4, 1, 0x00, 0x40, 0x01])
    assert.equal(read(head), 'refused')
    const empty = Buffer.from([22, 3, 1, 0, 0])
    assert.equal(read(empty), 'refused')
    const small = Buffer.concat(
      Array.from({ length: 9000 }, (_, i) => Buffer.from([22, 3, 1, 0, 1, i === 0 ? 1 : 0])),
    )
    assert.equal(read(small), 'refused')
  })

  it('refuses names that are no host names', () => {
    for (const name of ['a b.test', 'a..test', '\u0000.test', '.test', 'a/b'])
      assert.equal(read(replaceName(modern, name)), 'refused', name)
    assert.match(read(replaceName(modern, 'a.test.')), /"a\.test"/u)
  })

  it('takes any bytes without throwing, and their pieces make no difference', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (bytes, cuts) => {
          const buffer = Buffer.concat([Buffer.from([22, 3, 1]), bytes])
          assert.equal(read(buffer, cuts), read(buffer))
        },
      ),
    )
  })

  it('says the same of 100,000 mutated messages in one piece and in two', () => {
    const random = createSeededRandom(7)
    let complete = 0
    for (let round = 0; round < 100_000; round++) {
      const bytes = Buffer.from(round % 2 === 0 ? modern : old)
      for (let i = random.integer(3); i >= 0; i--)
        bytes[random.integer(bytes.length)] = random.integer(256)
      const whole = read(bytes)
      assert.equal(read(bytes, [random.integer(bytes.length)]), whole)
      if (whole.startsWith('{')) complete++
    }
    // Most bytes are random or key material, which nothing here looks at.
    assert.ok(complete > 10_000)
  })
})

/** The message with another server name, all lengths around it corrected. */
function replaceName(hello: Buffer, name: string): Buffer {
  const at = hello.indexOf('Shop.Example.com')
  const shift = name.length - 'Shop.Example.com'.length
  const made = Buffer.concat([
    hello.subarray(0, at),
    Buffer.from(name, 'latin1'),
    hello.subarray(at + 'Shop.Example.com'.length),
  ])
  const grow = (offset: number): void => {
    made.writeUInt16BE(made.readUInt16BE(offset) + shift, offset)
  }
  grow(3)
  made.writeUIntBE(made.readUIntBE(6, 3) + shift, 6, 3)
  const extensions = extensionsAt(hello)
  for (const offset of [extensions, at - 2, at - 5, at - 7]) grow(offset)
  return made
}

function extensionsAt(hello: Buffer): number {
  let at = 5 + 4 + 2 + 32
  at += 1 + (hello[at] as number)
  at += 2 + hello.readUInt16BE(at)
  return at + 1 + (hello[at] as number)
}
