import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HpackDecoder, type HpackDecoderOptions } from '../../src/hpack/decoder.ts'
import {
  COMPRESSION_FAILED,
  DECODED,
  type HeaderBlock,
  LIST_ABUSE,
  LIST_TOO_LARGE,
} from '../../src/hpack/header-block.ts'

function decode(decoder: HpackDecoder, hex: string): HeaderBlock {
  const block = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  return decoder.decode(block, 0, block.length)
}

function decodeOnce(hex: string, options: HpackDecoderOptions = {}): HeaderBlock {
  return decode(new HpackDecoder(options), hex)
}

function literal(first: number, name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.of(first, name.length),
    Buffer.from(name, 'latin1'),
    Buffer.of(value.length),
    Buffer.from(value, 'latin1'),
  ])
}

describe('refuses', () => {
  const cases: readonly (readonly [what: string, hex: string])[] = [
    ['index 0', '80'],
    ['an index behind the static table of an empty dynamic one', 'be'],
    ['a literal whose name index no table has', '7e 0161'],
    ['an integer cut by the end', 'ff'],
    ['an integer of more than four bytes behind the prefix', 'ff 80 80 80 80 00'],
    ['an integer that would be above 2^32', 'ff ff ff ff ff 0f'],
    ['a literal without its name', '40'],
    ['a literal without its value', '40 01 61'],
    ['a name cut by the end', '40 05 6161'],
    ['a value cut by the end', '40 01 61 04 6161'],
    ['a length cut by the end', '40 7f'],
    ['a length far behind the end', '40 7f ff ff ff 7f'],
    ['Huffman padding of zeros', '40 81 18 00'],
    ['Huffman padding of eight ones', '40 82 1f ff 00'],
    ['the end-of-string symbol', '40 84 ff ff ff ff 00'],
    ['a Huffman string of one byte of padding', '40 81 ff 00'],
    ['a size update after a field', '82 20'],
    ['a size update above the limit', '3f e2 1f'],
    ['three size updates', '20 20 20'],
  ]
  for (const [what, hex] of cases)
    test(what, () => {
      const block = decodeOnce(hex)
      assert.equal(block.verdict, COMPRESSION_FAILED)
      assert.deepEqual(block.list, [])
      assert.notEqual(block.reason, '')
    })
})

test('takes an empty block, and a size update up to the limit', () => {
  assert.equal(decodeOnce('').verdict, DECODED)
  assert.equal(decodeOnce('3f e1 1f 82').verdict, DECODED)
  assert.deepEqual(decodeOnce('20 3f e1 1f 82').list, [':method', 'GET'])
})

test('decodes a part of a larger buffer, and gives characters as bytes', () => {
  const block = literal(0x00, 'x', '\x80\xff')
  const around = Buffer.concat([Buffer.of(1, 2, 3), block, Buffer.of(0x80)])
  const decoded = new HpackDecoder().decode(around, 3, 3 + block.length)
  assert.deepEqual(decoded.list, ['x', '\x80\xff'])
})

test('demands a size update after the limit was lowered below the table', () => {
  const lowered = new HpackDecoder()
  lowered.setMaxTableSize(0)
  assert.equal(decode(lowered, '82').verdict, COMPRESSION_FAILED)
  const obeyed = new HpackDecoder()
  obeyed.setMaxTableSize(0)
  assert.equal(decode(obeyed, '20 82').verdict, DECODED)
  assert.equal(decode(obeyed, '82').verdict, DECODED)
})

test('lets the table grow only after the limit was raised, and by an update', () => {
  const decoder = new HpackDecoder()
  decoder.setMaxTableSize(8192)
  const big = Buffer.concat([
    Buffer.of(0x40, 1, 0x61, 0x7f, 0xa1, 0x27),
    Buffer.alloc(0x7f + 0x21 + (0x27 << 7), 0x62),
  ])
  assert.equal(decoder.decode(big, 0, big.length).verdict, DECODED)
  assert.equal(decoder.tableSize, 0)
  assert.equal(decode(decoder, '3f e1 3f').verdict, DECODED)
  assert.equal(decoder.decode(big, 0, big.length).verdict, DECODED)
  assert.equal(decoder.tableSize, 33 + 0x7f + 0x21 + (0x27 << 7))
})

test('evicts the oldest entry, and all of them for one that is larger than the table', () => {
  const decoder = new HpackDecoder({ maxTableSize: 68 })
  for (const name of ['a', 'b', 'c']) {
    const block = literal(0x40, name, '1')
    decoder.decode(block, 0, block.length)
  }
  assert.equal(decoder.tableSize, 68)
  assert.deepEqual(decode(decoder, 'be bf').list, ['c', '1', 'b', '1'])
  const large = literal(0x40, 'd', 'x'.repeat(40))
  assert.deepEqual(decoder.decode(large, 0, large.length).list, ['d', 'x'.repeat(40)])
  assert.equal(decoder.tableSize, 0)
})

test('keeps a name that its own insertion evicts', () => {
  const decoder = new HpackDecoder({ maxTableSize: 40 })
  const first = literal(0x40, 'name', '1')
  decoder.decode(first, 0, first.length)
  assert.deepEqual(decode(decoder, '7e 02 3232').list, ['name', '22'])
})

test('follows the table through many insertions of growing rings', () => {
  const decoder = new HpackDecoder()
  for (let i = 0; i < 1000; i++) {
    const block = literal(0x40, `n${i}`, `${i}`)
    decoder.decode(block, 0, block.length)
    assert.ok(decoder.tableSize <= 4096)
    assert.deepEqual(decode(decoder, 'be').list, [`n${i}`, `${i}`])
    if (i >= 100) assert.deepEqual(decode(decoder, 'ff 17').list, [`n${i - 88}`, `${i - 88}`])
  }
})

test('says that a list is too large and keeps the table in step', () => {
  const decoder = new HpackDecoder({ maxListSize: 200 })
  const block = Buffer.concat([
    literal(0x00, 'filler', 'x'.repeat(120)),
    literal(0x40, 'k', 'v'.repeat(40)),
    literal(0x40, 'l', 'w'),
  ])
  const large = decoder.decode(block, 0, block.length)
  assert.equal(large.verdict, LIST_TOO_LARGE)
  assert.deepEqual(large.list, [])
  assert.equal(large.size, 6 + 120 + 32 + 41 + 32 + 2 + 32)
  assert.deepEqual(decode(decoder, 'be').list, ['l', 'w'])
  assert.deepEqual(decode(decoder, 'bf').list, ['k', 'v'.repeat(40)])
})

test('takes a list of exactly the largest size', () => {
  const block = literal(0x00, 'k', 'v'.repeat(67))
  const decoder = new HpackDecoder({ maxListSize: 100 })
  assert.equal(decoder.decode(block, 0, block.length).verdict, DECODED)
  const above = literal(0x00, 'k', 'v'.repeat(68))
  assert.equal(decoder.decode(above, 0, above.length).verdict, LIST_TOO_LARGE)
})

test('calls a bomb of references to one large entry what it is, without building it', () => {
  const decoder = new HpackDecoder()
  const entry = Buffer.concat([
    Buffer.of(0x40, 1, 0x61, 0x7f, 0xa1, 0x1e),
    Buffer.alloc(0x7f + 0x21 + (0x1e << 7), 0x62),
  ])
  assert.equal(decoder.decode(entry, 0, entry.length).verdict, DECODED)
  const bomb = Buffer.alloc(32_768, 0xbe)
  const before = process.memoryUsage().arrayBuffers
  const verdict = decoder.decode(bomb, 0, bomb.length)
  assert.equal(verdict.verdict, LIST_ABUSE)
  assert.ok(verdict.size < 300_000)
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000)
})

describe('a block that comes again', () => {
  const hex = '82 86 84 0f 2b 02 3132'

  test('gives the same frozen list without decoding', () => {
    const decoder = new HpackDecoder()
    const blocks = [0, 1, 2, 3, 4].map(() => decode(decoder, hex))
    assert.equal(blocks[4], blocks[3])
    assert.ok(Object.isFrozen(blocks[4]?.list))
    assert.deepEqual(blocks[4]?.list, blocks[0]?.list)
  })

  test('is decoded anew when the table has changed', () => {
    const decoder = new HpackDecoder()
    const insert = (value: string): void => {
      const block = literal(0x40, 'k', value)
      decoder.decode(block, 0, block.length)
    }
    insert('1')
    for (let i = 0; i < 5; i++) assert.deepEqual(decode(decoder, 'be').list, ['k', '1'])
    insert('2')
    for (let i = 0; i < 5; i++) assert.deepEqual(decode(decoder, 'be').list, ['k', '2'])
    decode(decoder, '20')
    assert.equal(decode(decoder, 'be').verdict, COMPRESSION_FAILED)
  })

  test('is not remembered when it inserts', () => {
    const decoder = new HpackDecoder()
    const block = literal(0x40, 'k', 'v')
    for (let i = 1; i <= 10; i++) {
      decoder.decode(block, 0, block.length)
      assert.equal(decoder.tableSize, 34 * i)
    }
  })
})

test('does not keep never-indexed values, and interns the others', () => {
  const decoder = new HpackDecoder()
  const unique = (i: number): Buffer =>
    Buffer.concat([
      literal(0x10, 'authorization', 'Bearer abc'),
      literal(0x00, 'x-kind', 'often the same'),
      literal(0x00, 'x-id', `${i}`),
    ])
  for (let i = 0; i < 200; i++) {
    const block = unique(i)
    const { list } = decoder.decode(block, 0, block.length)
    assert.deepEqual(list, [
      'authorization',
      'Bearer abc',
      'x-kind',
      'often the same',
      'x-id',
      `${i}`,
    ])
  }
})
