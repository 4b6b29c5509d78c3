import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HpackDecoder } from '../../src/hpack/decoder.ts'
import { HpackEncoder } from '../../src/hpack/encoder.ts'
import { DECODED } from '../../src/hpack/header-block.ts'
import type { HeaderList } from '../../src/header-list.ts'

const target = Buffer.alloc(65_536)

function encode(encoder: HpackEncoder, list: HeaderList): Buffer {
  const end = encoder.encode(list, target, 0)
  assert.ok(end <= encoder.bound(list) + 12)
  return Buffer.from(target.subarray(0, end))
}

const request: HeaderList = [
  ':method',
  'POST',
  ':scheme',
  'http',
  ':path',
  '/pkg.Service/Method',
  ':authority',
  'localhost:50051',
  'te',
  'trailers',
  'content-type',
  'application/grpc',
  'user-agent',
  'tidemill/1.0',
]

test('sends a request that comes again as one byte a field', () => {
  const encoder = new HpackEncoder()
  const sizes = [0, 1, 2].map(() => encode(encoder, request).length)
  assert.equal(sizes[2], 7)
  assert.ok((sizes[0] as number) > (sizes[1] as number))
})

describe('keeps out of the table', () => {
  const fields: readonly (readonly [string, string])[] = [
    ['grpc-timeout', '100m'],
    ['content-length', '12'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
    ['authorization', 'Bearer abc'],
    ['proxy-authorization', 'Basic abc'],
    ['set-cookie', 'id=1'],
    ['cookie', 'short=1'],
    ['x-large', 'x'.repeat(3000)],
  ]
  for (const [name, value] of fields)
    test(name, () => {
      const encoder = new HpackEncoder()
      for (let i = 0; i < 3; i++) encode(encoder, [name, value])
      assert.equal(encoder.tableSize, 0)
    })
})

test('marks credentials and short cookies never-indexed, for whoever passes them on', () => {
  const first = (name: string, value: string): number =>
    encode(new HpackEncoder(), [name, value])[0] as number
  for (const name of ['authorization', 'proxy-authorization', 'set-cookie', 'cookie'])
    assert.equal(first(name, 'abc') & 0xf0, 0x10)
  assert.equal(first('cookie', 'long enough not to be guessed') & 0xf0, 0x00)
  assert.equal(first('grpc-timeout', '1S') & 0xf0, 0x00)
})

test('takes an unknown field into the table when it comes again', () => {
  const encoder = new HpackEncoder()
  encode(encoder, ['x-tenant', 'acme'])
  assert.equal(encoder.tableSize, 0)
  encode(encoder, ['x-tenant', 'acme'])
  assert.equal(encoder.tableSize, 44)
  assert.equal(encode(encoder, ['x-tenant', 'acme']).length, 1)
  for (let i = 0; i < 1000; i++) encode(encoder, ['x-unique', `${i}`])
  assert.equal(encode(encoder, ['x-tenant', 'acme']).length, 1)
})

test('says the new table size, and a lower one in between, before the next block', () => {
  const encoder = new HpackEncoder()
  const decoder = new HpackDecoder()
  const roundTrip = (list: HeaderList): Buffer => {
    const block = encode(encoder, list)
    const decoded = decoder.decode(block, 0, block.length)
    assert.equal(decoded.verdict, DECODED, decoded.reason)
    assert.deepEqual(decoded.list, list)
    assert.equal(decoder.tableSize, encoder.tableSize)
    return block
  }
  roundTrip(request)
  encoder.setMaxTableSize(0)
  decoder.setMaxTableSize(0)
  assert.equal(roundTrip(request)[0], 0x20)
  assert.equal(encoder.tableSize, 0)
  encoder.setMaxTableSize(100)
  encoder.setMaxTableSize(50)
  encoder.setMaxTableSize(4096)
  decoder.setMaxTableSize(4096)
  const block = roundTrip(request)
  assert.deepEqual([...block.subarray(0, 5)], [0x3f, 50 - 31, 0x3f, 0xe1, 0x1f])
  roundTrip(request)
})

test('uses no more of the table than its cap, whatever the peer offers', () => {
  const encoder = new HpackEncoder()
  encoder.setMaxTableSize(1 << 20)
  assert.equal(encode(encoder, [':method', 'GET'])[0], 0x82)
  for (let i = 0; i < 200; i++) encode(encoder, ['content-type', `text/${i} ${'x'.repeat(100)}`])
  assert.ok(encoder.tableSize <= 4096)
  const none = new HpackEncoder({ maxTableSize: 0 })
  assert.deepEqual([...encode(none, [':method', 'GET'])], [0x20, 0x82])
  encode(none, request)
  assert.equal(none.tableSize, 0)
})

test('gives a frozen list the same bytes while the table is the same, and right ones when it changed', () => {
  const encoder = new HpackEncoder()
  const decoder = new HpackDecoder()
  const frozen = Object.freeze([':status', '200', 'content-type', 'application/grpc'])
  for (let i = 0; i < 300; i++) {
    if (i % 10 === 9) {
      const other = encode(encoder, ['server', `${i} ${'y'.repeat(200)}`])
      decoder.decode(other, 0, other.length)
    }
    const block = encode(encoder, frozen)
    assert.deepEqual(decoder.decode(block, 0, block.length).list, frozen)
  }
})

test('writes a character that is no byte as a question mark: no line break can be smuggled', () => {
  for (const value of ['a\u010ab\u0d0d', '\u010a'.repeat(40)]) {
    const block = encode(new HpackEncoder(), ['x', value])
    const { list } = new HpackDecoder().decode(block, 0, block.length)
    // oxlint-disable-next-line no-control-regex
    assert.deepEqual(list, ['x', value.replaceAll(/[^\x00-\xff]/g, '?')])
  }
})
