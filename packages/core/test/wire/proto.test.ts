import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  ProtoReader,
  ProtoWriter,
  unzigzag32,
  unzigzag64,
  varint32Length,
  writeVarint32,
  zigzag32,
  zigzag64,
} from '@tidemill/core'
import fc from 'fast-check'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const unhex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex')
const written = (write: (writer: ProtoWriter) => void): string => {
  const writer = new ProtoWriter(1)
  write(writer)
  return hex(writer.finish())
}
function at(text: string): ProtoReader {
  const reader = new ProtoReader(unhex(text))
  assert.ok(reader.next())
  return reader
}

describe('varint', () => {
  it('maps signed to unsigned as the encoding guide lists it', () => {
    const table = [
      [0, 0],
      [-1, 1],
      [1, 2],
      [-2, 3],
      [0x7fff_ffff, 0xffff_fffe],
      [-0x8000_0000, 0xffff_ffff],
    ] as const
    for (const [signed, unsigned] of table) {
      assert.equal(zigzag32(signed), unsigned)
      assert.equal(unzigzag32(unsigned), signed)
    }
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        assert.equal(unzigzag64(zigzag64(value)), value)
      }),
    )
  })

  it('knows its length before it is written', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (value) => {
        assert.equal(writeVarint32(new Uint8Array(5), 0, value), varint32Length(value))
      }),
    )
  })
})

describe('protobuf', () => {
  it('writes the examples of the encoding guide', () => {
    assert.equal(
      written((w) => w.int32(1, 150)),
      '089601',
    )
    assert.equal(
      written((w) => w.string(2, 'testing')),
      '120774657374696e67',
    )
    assert.equal(
      written((w) => w.message(3, (m) => m.int32(1, 150))),
      '1a03089601',
    )
    assert.equal(
      written((w) => w.int32(1, -2)),
      '08feffffffffffffffff01',
    )
    assert.equal(
      written((w) => w.bytes(6, unhex('038e029ea705'))),
      '3206038e029ea705',
    )
  })

  it('reads packed and unpacked elements alike', () => {
    for (const text of ['32 06 03 8e02 9ea705', '30 03 30 8e02 30 9ea705']) {
      const reader = new ProtoReader(unhex(text))
      const values: number[] = []
      while (reader.next()) reader.packed(0, (element) => values.push(element.uint32()))
      assert.deepEqual(values, [3, 270, 86_942])
    }
  })

  it('reads back every kind of field, whatever its value', () => {
    const u32 = fc.nat(0xffff_ffff)
    const i32 = fc.integer()
    const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    const text = fc.string({ unit: 'grapheme', maxLength: 300 })
    fc.assert(
      fc.property(
        u32,
        i32,
        i64,
        fc.maxSafeInteger(),
        text,
        fc.uint8Array(),
        fc.double(),
        (u, i, b, s, t, bytes, d) => {
          const writer = new ProtoWriter(1)
          writer
            .uint32(1, u)
            .int32(2, i)
            .sint32(3, i)
            .int64(4, b)
            .sint64(5, b)
            .int64(6, s)
            .string(7, t)
          writer
            .bytes(8, bytes)
            .double(9, d)
            .fixed32(10, u)
            .fixed64(11, b)
            .bool(12, i > 0)
            .float(13, Math.fround(d))
          writer.message(14, (nested) =>
            nested.string(1, t).message(2, (deep) => deep.string(1, t)),
          )
          const reader = new ProtoReader(writer.finish())
          const read = <T>(value: () => T): T => {
            assert.ok(reader.next())
            return value()
          }
          assert.equal(
            read(() => reader.uint32()),
            u,
          )
          assert.equal(
            read(() => reader.int32()),
            i,
          )
          assert.equal(
            read(() => reader.sint32()),
            i,
          )
          assert.equal(
            read(() => reader.int64()),
            b,
          )
          assert.equal(
            read(() => reader.sint64()),
            b,
          )
          assert.equal(
            read(() => reader.safeInteger()),
            s,
          )
          assert.equal(
            read(() => reader.string()),
            t,
          )
          assert.equal(hex(read(() => reader.bytes())), hex(bytes))
          assert.ok(
            Object.is(
              read(() => reader.double()),
              d,
            ),
          )
          assert.equal(
            read(() => reader.fixed32()),
            u,
          )
          assert.equal(
            read(() => reader.fixed64()),
            BigInt.asUintN(64, b),
          )
          assert.equal(
            read(() => reader.bool()),
            i > 0,
          )
          assert.ok(
            Object.is(
              read(() => reader.float()),
              Math.fround(d),
            ),
          )
          const nested = read(() => reader.message())
          assert.ok(nested.next())
          assert.equal(nested.string(), t)
          assert.ok(nested.next())
          const deep = nested.message()
          assert.ok(deep.next())
          assert.equal(deep.string(), t)
          for (const each of [deep, nested, reader]) assert.equal(each.next(), false)
        },
      ),
    )
  })

  it('moves a nested message whose length needs more bytes', () => {
    for (const size of [0, 127, 128, 16_383, 16_384, 3_000_000]) {
      const text = 'x'.repeat(size)
      const writer = new ProtoWriter().message(1, (nested) => nested.string(1, text))
      const outer = new ProtoReader(writer.view())
      assert.ok(outer.next())
      const inner = outer.message()
      assert.ok(inner.next())
      assert.equal(inner.string().length, size)
    }
  })

  it('starts over after a reset', () => {
    const writer = new ProtoWriter().string(1, 'long enough')
    assert.equal(hex(writer.reset().uint32(1, 1).finish()), '0801')
    assert.equal(writer.length, 2)
  })

  it('skips fields of every wire type, groups too', () => {
    const text = '0801 1100000000 00000000 1a0161 2d00000000 33 0801 3b 3c 34 4801'
    const reader = new ProtoReader(unhex(text))
    const fields: number[] = []
    while (reader.next()) {
      fields.push(reader.field)
      reader.skip()
    }
    assert.deepEqual(fields, [1, 2, 3, 5, 6, 9])
  })

  const malformed = [
    ['a varint that is cut', '0896', (r: ProtoReader) => r.uint32(), /ends inside a varint/u],
    [
      'a varint of eleven bytes',
      `08${'ff'.repeat(10)}01`,
      (r: ProtoReader) => r.uint64(),
      /more than ten/u,
    ],
    [
      'a length beyond the message',
      '0a05 61',
      (r: ProtoReader) => r.string(),
      /beyond the message/u,
    ],
    [
      'a length of 2^63',
      '0a ffffffffffffffff7f',
      (r: ProtoReader) => r.bytes(),
      /beyond the message/u,
    ],
    [
      'a fixed value that is cut',
      '0d 0000',
      (r: ProtoReader) => r.fixed32(),
      /ends inside a field/u,
    ],
    ['a string that is not UTF-8', '0a01ff', (r: ProtoReader) => r.string(), /not UTF-8/u],
    [
      'another wire type than asked for',
      '0801',
      (r: ProtoReader) => r.string(),
      /wire type 0, not 2/u,
    ],
    ['a group without an end', '0b 0801', (r: ProtoReader) => r.skip(), /does not end/u],
    ['an end without a group', '0c', (r: ProtoReader) => r.skip(), /did not begin/u],
    ['groups without a floor', '0b'.repeat(1000), (r: ProtoReader) => r.skip(), /too deep/u],
    [
      'an integer beyond 2^53',
      '08 ffffffffffffffff7f',
      (r: ProtoReader) => r.safeInteger(),
      /beyond/u,
    ],
    [
      'a packed element nobody reads',
      '0a0101',
      (r: ProtoReader) => r.packed(0, () => 0),
      /not read/u,
    ],
  ] as const
  for (const [what, text, read, reason] of malformed) {
    it(`refuses ${what}`, () => {
      assert.throws(() => read(at(text)), { code: 'TM_CORE_WIRE', message: reason })
    })
  }

  it('refuses tags that name no field', () => {
    for (const text of ['00', '07', '0e', '808080808001', '80']) {
      assert.throws(() => new ProtoReader(unhex(text)).next(), { code: 'TM_CORE_WIRE' })
    }
  })

  it('ends or refuses on any bytes, and never reads outside its range', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const reader = new ProtoReader(bytes, 0, bytes.length >> 1)
        try {
          while (reader.next()) reader.skip()
          assert.equal(reader.offset, bytes.length >> 1)
        } catch (error) {
          assert.equal((error as { code: string }).code, 'TM_CORE_WIRE')
        }
        assert.ok(reader.offset <= bytes.length >> 1)
      }),
    )
  })
})
