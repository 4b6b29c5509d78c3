import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HpackDecoder } from '../../src/hpack/decoder.ts'
import { HpackEncoder } from '../../src/hpack/encoder.ts'
import { COMPRESSION_FAILED, DECODED } from '../../src/hpack/header-block.ts'
import {
  huffmanBound,
  huffmanDecode,
  huffmanEncode,
  huffmanLength,
} from '../../src/hpack/huffman.ts'
import { staticNames } from '../../src/hpack/static-table.ts'
import { PlainDecoder } from './plain-decoder.ts'

const byteText = fc
  .uint8Array({ maxLength: 60 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))
const fieldName = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...staticNames.slice(1), 'te', 'grpc-timeout', 'x-a') },
  { weight: 1, arbitrary: byteText },
)
const fieldValue = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constantFrom('', 'trailers', 'application/grpc', '200', 'x'.repeat(300)),
  },
  { weight: 1, arbitrary: byteText },
)
const list = fc
  .array(fc.tuple(fieldName, fieldValue), { maxLength: 12 })
  .chain((fields) =>
    fc.boolean().map((frozen) => (frozen ? Object.freeze(fields.flat()) : fields.flat())),
  )
const step = fc.oneof(
  { weight: 6, arbitrary: list.map((fields) => ({ fields, size: -1, times: 3 })) },
  { weight: 1, arbitrary: fc.nat(5000).map((size) => ({ fields: [], size, times: 1 })) },
)

test('what is encoded is decoded again, through table changes, by ours and by a plain decoder', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const encoder = new HpackEncoder()
      const decoder = new HpackDecoder({ maxListSize: 1 << 20 })
      const plain = new PlainDecoder()
      for (const { fields, size, times } of steps) {
        if (size >= 0) encoder.setMaxTableSize(size)
        for (let i = 0; i < times; i++) {
          const target = Buffer.alloc(encoder.bound(fields) + 3)
          const end = encoder.encode(fields, target, 3)
          assert.ok(end <= target.length)
          const decoded = decoder.decode(target, 3, end)
          assert.equal(decoded.verdict, DECODED, decoded.reason)
          assert.deepEqual(decoded.list, fields)
          assert.deepEqual(plain.decode(target.subarray(3, end)), fields)
          assert.equal(decoder.tableSize, encoder.tableSize)
          assert.equal(plain.tableSize, encoder.tableSize)
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('every byte string survives Huffman coding in the announced length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1')
      const packed = new Uint8Array(huffmanLength(text) + 1)
      const end = huffmanEncode(text, packed, 1)
      assert.equal(end, packed.length)
      const unpacked = Buffer.alloc(huffmanBound(end - 1))
      assert.equal(huffmanDecode(packed, 1, end, unpacked), bytes.length)
      assert.deepEqual(unpacked.subarray(0, bytes.length), Buffer.from(bytes))
    }),
    { numRuns: 500 },
  )
})

test('every byte alone survives Huffman coding', () => {
  const packed = new Uint8Array(8)
  const unpacked = new Uint8Array(16)
  for (let byte = 0; byte < 256; byte++) {
    const end = huffmanEncode(String.fromCharCode(byte, 97), packed, 0)
    assert.equal(huffmanDecode(packed, 0, end, unpacked), 2)
    assert.equal(unpacked[0], byte)
    assert.equal(unpacked[1], 97)
  }
})

/** Numbers below `below`, the same for the same seed (xorshift). */
function numbers(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const seeds: readonly (readonly string[])[] = [
  [':method', 'POST', ':scheme', 'http', ':path', '/a.B/C', 'te', 'trailers', 'grpc-timeout', '1S'],
  [
    ':status',
    '200',
    'content-type',
    'application/grpc',
    'server',
    'a',
    'x-b-bin',
    'AAEC',
    'x-c',
    '',
  ],
  ['authorization', 'Bearer x', 'cookie', 'a=1', 'x-long', 'v'.repeat(180), 'accept', '*/*'],
]

test('mutated blocks neither crash nor grow it, and mean what a plain decoder finds', () => {
  const runs = Number(process.env['TIDEMILL_FUZZ_RUNS'] ?? 100_000)
  const next = numbers(Number(process.env['TIDEMILL_FUZZ_SEED'] ?? 20_261_122))
  let decoder = new HpackDecoder()
  let plain = new PlainDecoder()
  let encoder = new HpackEncoder()
  let alive = 0
  const block = Buffer.alloc(2048)
  for (let run = 0; run < runs; run++) {
    let end = encoder.encode(seeds[next(seeds.length)] as readonly string[], block, 0)
    for (let changes = next(4); changes > 0; changes--) {
      const at = next(end)
      const kind = next(4)
      if (kind === 0) block[at] = next(256)
      else if (kind === 1) block[at] = (block[at] as number) ^ (1 << next(8))
      else if (kind === 2) end = Math.max(1, end - next(4))
      else block.copyWithin(at, next(end), end)
    }
    const decoded = decoder.decode(block, 0, end)
    assert.ok(decoder.tableSize <= 4096)
    assert.ok(decoded.size <= 300_000)
    decoded.fault('request')
    let expected: string[] | undefined
    try {
      expected = plain.decode(block.subarray(0, end))
    } catch {
      expected = undefined
    }
    const failed = decoded.verdict === COMPRESSION_FAILED
    const same =
      failed === (expected === undefined) &&
      (failed || decoded.list.join('\n') === expected?.join('\n')) &&
      (failed || decoder.tableSize === plain.tableSize)
    assert.ok(same, `run ${run}: ${block.toString('hex', 0, end)}`)
    alive++
    if (decoded.verdict === COMPRESSION_FAILED || alive > 50) {
      decoder = new HpackDecoder()
      plain = new PlainDecoder()
      encoder = new HpackEncoder()
      alive = 0
    }
  }
})
