import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HpackDecoder } from '../../src/hpack/decoder.ts'
import { DECODED } from '../../src/hpack/header-block.ts'
import { huffmanBound, huffmanDecode, huffmanEncode } from '../../src/hpack/huffman.ts'
import { writeInteger } from '../../src/hpack/encoder.ts'
import { rfc7541Vectors } from './rfc7541-vectors.ts'

for (const { section, maxTableSize, vectors } of rfc7541Vectors) {
  test(`decodes RFC 7541 ${section}`, () => {
    const decoder = new HpackDecoder({ maxTableSize })
    for (const { hex, list, table, tableSize } of vectors) {
      const block = Buffer.from(hex, 'hex')
      const decoded = decoder.decode(block, 0, block.length)
      assert.equal(decoded.verdict, DECODED, decoded.reason)
      assert.deepEqual(decoded.list, list)
      assert.equal(decoder.tableSize, tableSize)
      const entries = Buffer.from(table.map((_, i) => 0x80 | (62 + i)))
      assert.deepEqual(decoder.decode(entries, 0, entries.length).list, table.flat())
      const behind = Buffer.of(0x80 | (62 + table.length))
      if (table.length === vectors.at(-1)?.table.length && hex === vectors.at(-1)?.hex)
        assert.notEqual(decoder.decode(behind, 0, 1).verdict, DECODED)
    }
  })
}

test('writes the integers of RFC 7541 C.1', () => {
  const target = new Uint8Array(8)
  assert.equal(writeInteger(target, 0, 0, 0x1f, 10), 1)
  assert.equal(target[0], 10)
  assert.equal(writeInteger(target, 0, 0, 0x1f, 1337), 3)
  assert.deepEqual([...target.subarray(0, 3)], [0b11111, 0b10011010, 0b1010])
  assert.equal(writeInteger(target, 0, 0, 0xff, 42), 1)
  assert.equal(target[0], 42)
})

const huffmanStrings: readonly (readonly [text: string, hex: string])[] = [
  ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
  ['no-cache', 'a8eb10649cbf'],
  ['custom-key', '25a849e95ba97d7f'],
  ['custom-value', '25a849e95bb8e8b4bf'],
  ['302', '6402'],
  ['307', '640eff'],
  ['private', 'aec3771a4b'],
  ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
  ['https://www.example.com', '9d29ad171863c78f0b97c8e9ae82ae43d3'],
  ['gzip', '9bd9ab'],
  [
    'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  ],
]

test('packs and unpacks the Huffman strings of RFC 7541 C.4 and C.6', () => {
  for (const [text, hex] of huffmanStrings) {
    const packed = Buffer.alloc(2 * text.length + 8)
    assert.equal(packed.toString('hex', 0, huffmanEncode(text, packed, 0)), hex)
    const bytes = Buffer.from(hex, 'hex')
    const unpacked = Buffer.alloc(huffmanBound(bytes.length))
    const length = huffmanDecode(bytes, 0, bytes.length, unpacked)
    assert.equal(unpacked.toString('latin1', 0, length), text)
  }
})
