import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { hashKey } from '../../src/balance/index.ts'

/** MurmurHash3_x86_32 as its author wrote it, over bytes. */
function murmur3(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rotate = (x: number, n: number): number => (x << n) | (x >>> (32 - n))
  const scramble = (k: number): number =>
    Math.imul(rotate(Math.imul(k, 0xcc9e2d51), 15), 0x1b873593)
  let hash = seed | 0
  const whole = bytes.length - (bytes.length % 4)
  for (let i = 0; i < whole; i += 4) {
    hash = (Math.imul(rotate(hash ^ scramble(view.getUint32(i, true)), 13), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let i = bytes.length - 1; i >= whole; i--) tail = (tail << 8) | (bytes[i] as number)
  if (bytes.length > whole) hash ^= scramble(tail)
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

describe('key hash', () => {
  it('gives the published values of MurmurHash3 x86 32', () => {
    const cases: readonly (readonly [string, number, number])[] = [
      ['', 0, 0],
      ['', 1, 0x514e28b7],
      ['', 0xffffffff, 0x81f16f39],
      ['\uffff\uffff', 0, 0x76293b50],
      ['\u4321\u8765', 0, 0xf55b516b],
      ['\u4321\u8765', 0x5082edee, 0x2362f9de],
      ['\u4321', 0, 0xa0f7b07a],
      ['\0\0', 0, 0x2362f9de],
      ['\0', 0, 0x30f4c306],
    ]
    for (const [text, seed, expected] of cases) assert.equal(hashKey(text, seed), expected)
  })

  it('is MurmurHash3 of the UTF-16LE bytes of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, seed) => {
        assert.equal(hashKey(text, seed), murmur3(Buffer.from(text, 'utf16le'), seed))
      }),
    )
  })
})
