import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32, crc32c } from '@tidemill/core'
import fc from 'fast-check'

/** The definition, a bit at a time. */
function bitwise(polynomial: number, data: Uint8Array): number {
  let crc = -1
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0)
  }
  return ~crc >>> 0
}

const digits = new TextEncoder().encode('123456789')
const kinds = [
  { name: 'crc32', crc: crc32, polynomial: 0xedb8_8320, check: 0xcbf4_3926 },
  { name: 'crc32c', crc: crc32c, polynomial: 0x82f6_3b78, check: 0xe306_9283 },
] as const

for (const { name, crc, polynomial, check } of kinds) {
  describe(name, () => {
    it('gives the check value of its definition', () => {
      assert.equal(crc(digits), check)
      assert.equal(crc(new Uint8Array()), 0)
    })

    it('equals the bitwise definition, whole and continued from any split', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 70 }), fc.nat(70), (data, at) => {
          assert.equal(crc(data), bitwise(polynomial, data))
          assert.equal(crc(data.subarray(at), crc(data.subarray(0, at))), crc(data))
        }),
      )
    })
  })
}

describe('crc32c', () => {
  it('gives the values of RFC 3720 appendix B.4', () => {
    assert.equal(crc32c(new Uint8Array(32)), 0x8a91_36aa)
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8_ab43)
    assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd_794e)
  })

  it('reads only the range it is given', () => {
    assert.equal(crc32c(new TextEncoder().encode('xx123456789yy'), 0, 2, 11), 0xe306_9283)
  })
})

describe('crc32', () => {
  it('takes a string as its UTF-8', () => {
    assert.equal(crc32('订单-1'), crc32(new TextEncoder().encode('订单-1')))
  })
})
