import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { TidemillError } from '@tidemill/core'
import fc from 'fast-check'
import { codecOf } from '../../src/codec/message-codec.ts'
import { corpusRegistry } from '../proto/descriptor-set.ts'
import { Dice, randomInit, randomMessage } from './random-message.ts'

type Loose = Record<string, unknown>

const registry = corpusRegistry()

function type(name: string): DescMessage {
  const desc = registry.getMessage(`tidemill.test.${name}`)
  assert.ok(desc, name)
  return desc
}

const types = ['v3.Everything', 'v2.Legacy', 'ed.Modern'].map(type)

function esBytes(desc: DescMessage, init: Loose): Buffer {
  return Buffer.from(toBinary(desc, create(desc, init as never)))
}

function code(error: unknown): string {
  return TidemillError.is(error) ? error.code : String(error)
}

function decodeOrCode(desc: DescMessage, bytes: Uint8Array): Message | string {
  try {
    return codecOf(desc).decode(bytes)
  } catch (error) {
    return code(error)
  }
}

describe('a message codec', () => {
  it('writes the bytes that protobuf-es writes, of messages and of init shapes', () => {
    const target = Buffer.alloc(1 << 20)
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...types), (seed, desc) => {
        const init = randomInit(desc, new Dice(seed))
        const expected = esBytes(desc, init)
        const own = codecOf(desc)
        for (const message of [init, create(desc, init as never)]) {
          const end = own.write(message, target, 9)
          assert.deepEqual(target.subarray(9, end), expected)
          assert.equal(own.size(message as never), expected.length)
          assert.deepEqual(own.encode(message as never, 5).subarray(5), expected)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('reads the messages that protobuf-es reads', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...types), (seed, desc) => {
        const bytes = new Uint8Array(esBytes(desc, randomMessage(desc, new Dice(seed))))
        assert.deepEqual(codecOf(desc).decode(bytes), fromBinary(desc, bytes))
        assert.deepEqual(
          codecOf(desc).decode(bytes, 0, bytes.length, true),
          fromBinary(desc, bytes),
        )
      }),
      { numRuns: 500 },
    )
  })

  it('merges the fields of a message that comes twice as protobuf-es does', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...types), (seed, desc) => {
        const dice = new Dice(seed)
        const parts = [esBytes(desc, randomInit(desc, dice)), esBytes(desc, randomInit(desc, dice))]
        const bytes = new Uint8Array(Buffer.concat(parts))
        assert.deepEqual(codecOf(desc).decode(bytes), fromBinary(desc, bytes))
      }),
      { numRuns: 200 },
    )
  })

  it('takes a field of another wire type as unknown, as the specification has it', () => {
    // f_int32 (5) as four bytes, f_string (9) as a varint.
    const bytes = Buffer.from([0x2d, 1, 0, 0, 0, 0x48, 7])
    const message = codecOf(type('v3.Everything')).decode(bytes) as Loose
    assert.equal(message['fInt32'], 0)
    assert.deepEqual(message['$unknown'], [
      { no: 5, wireType: 5, data: new Uint8Array([1, 0, 0, 0]) },
      { no: 9, wireType: 0, data: new Uint8Array([7]) },
    ])
    assert.deepEqual(codecOf(type('v3.Everything')).encode(message as never), bytes)
  })

  const malformed: readonly (readonly [string, string, RegExp])[] = [
    ['a field that reaches beyond its message', '9a05020a056162636465', /beyond the message/u],
    ['a varint without end', '28ffff', /inside a varint/u],
    ['a varint of eleven bytes', '28' + 'ff'.repeat(10) + '01', /more than ten bytes/u],
    ['the field number 0', '00', /number 0/u],
    ['a wire type that does not exist', '2f', /wire type 7/u],
    ['an end of a group that did not begin', '2c', /did not begin/u],
    ['a group that does not end', 'c30c0801', /does not end/u],
    ['text that is not UTF-8', '4a02c328', /not UTF-8/u],
    ['a tag of six bytes', 'a8808080800001', /field number beyond/u],
    ['a tag of more than 32 bits', 'f8ffffff7f01', /field number beyond/u],
  ]
  for (const [what, hex, reason] of malformed) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => codecOf(type('v3.Everything')).decode(Buffer.from(hex, 'hex')),
        (error) => code(error) === 'TM_RPC_DECODE' && reason.test(String(error)),
      )
    })
  }

  it('refuses messages and unknown groups nested deeper than 100, and takes 100', () => {
    const desc = type('v3.Everything')
    let bytes = Buffer.alloc(0)
    const lengths = Buffer.from([0x82, 0x05])
    for (let depth = 1; depth < 100; depth++) {
      const length =
        bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7]
      bytes = Buffer.concat([lengths, Buffer.from(length), bytes])
    }
    assert.ok(codecOf(desc).decode(bytes))
    const deeper = Buffer.concat([
      lengths,
      Buffer.from([(bytes.length & 127) | 128, bytes.length >> 7]),
      bytes,
    ])
    assert.equal(decodeOrCode(desc, deeper), 'TM_RPC_DECODE')
    const groups = Buffer.from('c30c'.repeat(100) + 'c40c'.repeat(100), 'hex')
    assert.equal(decodeOrCode(desc, groups), 'TM_RPC_DECODE')
  })

  const wrong: readonly (readonly [string, Loose, RegExp])[] = [
    [
      'a number that is no integer',
      { fInt32: 1.5 },
      /v3.Everything.f_int32: 1.5 is not an integer/u,
    ],
    ['a negative unsigned number', { fUint32: -1 }, /f_uint32: -1/u],
    [
      'a bigint beyond 64 bits',
      { fInt64: 2n ** 63n },
      /f_int64: 9223372036854775808 does not fit/u,
    ],
    ['text for a long', { fInt64: 'x' }, /f_int64: "x" is not an integer/u],
    ['a float that is too large', { fFloat: 1e300 }, /f_float: 1e\+300 is too large/u],
    ['text for a double', { fDouble: 'x' }, /f_double: "x" is not a number/u],
    ['text for bytes', { fBytes: 'x' }, /f_bytes: it is not a Uint8Array/u],
    ['text for a message', { nested: 'x' }, /nested: it is not an object/u],
    ['an object for a list', { rInt32: {} }, /r_int32: it is not an array/u],
    ['a message of another type', { nested: { $typeName: 'a.B' } }, /this is a "a.B"/u],
    ['a number for text', { fString: 5 }, /v3.Everything.f_string: 5 is not a string/u],
    ['nothing in a list of text', { rString: [undefined] }, /r_string: undefined is not a string/u],
    ['half of a surrogate pair', { fString: 'a\uD83D' }, /f_string: it holds half of a surrogate/u],
    ['half of a pair in long text', { rString: [`${'x'.repeat(50)}\uDE00`] }, /r_string: .*half/u],
    ['half of a pair as a key', { mString: { '\uDE00': '' } }, /m_string: .*half/u],
    ['a number for a boolean', { fBool: 1 }, /f_bool: 1 is not a boolean/u],
    ['a boolean for a long', { fInt64: true }, /f_int64: true is not an integer/u],
    ['spaces for a number', { fInt32: ' ' }, /f_int32: " " is not an integer/u],
    ['spaces for a long', { fInt64: ' ' }, /f_int64: " " is not an integer/u],
    ['empty text for bytes', { fBytes: '' }, /f_bytes: it is not a Uint8Array/u],
    ['numbers that are no bytes', { fBytes: [1, 300] }, /f_bytes: it holds what is no byte/u],
    ['a Map for a map', { mString: new Map([['a', 'b']]) }, /m_string: it is a Map/u],
    [
      'a wrong value within messages and maps',
      { mInt32: { 1: { self: { selves: [{}, { fInt32: 'x' }] } } } },
      /encode tidemill.test.v3.Everything.m_int32.self.selves.f_int32: "x"/u,
    ],
    ['a key that is no boolean', { mBool: { x: {} } }, /the key "x" is neither true nor false/u],
  ]
  for (const [what, init, reason] of wrong) {
    it(`refuses to write ${what}, naming the field`, () => {
      const own = codecOf(type('v3.Everything'))
      assert.throws(
        () => own.encode(init),
        (error) => code(error) === 'TM_RPC_ENCODE' && reason.test(String(error)),
      )
    })
  }

  it('refuses to write a message without a required field', () => {
    const missing = /v2.Legacy.id: it is required/u
    for (const message of [{}, create(type('v2.Legacy'))]) {
      assert.throws(
        () => codecOf(type('v2.Legacy')).encode(message),
        (error) => code(error) === 'TM_RPC_ENCODE' && missing.test(String(error)),
      )
    }
  })

  it('names the way to a nested message that lacks a required field or is of another type', () => {
    for (const [child, reason] of [
      [{}, /encode tidemill.test.v2.Legacy.child.id: it is required/u],
      [{ $typeName: 'a.B' }, /encode tidemill.test.v2.Legacy.child: this is a "a.B"/u],
      ['x', /encode tidemill.test.v2.Legacy.child: it is not an object/u],
    ] as const) {
      assert.throws(
        () => codecOf(type('v2.Legacy')).encode({ id: 1, child }),
        (error) => code(error) === 'TM_RPC_ENCODE' && reason.test(String(error)),
      )
    }
    assert.throws(
      () => codecOf(type('v2.Legacy')).encode({ $typeName: 'a.B' }),
      /encode tidemill.test.v2.Legacy: this is a "a.B"/u,
    )
  })

  it('refuses to write messages and JSON nested deeper than 100, such as those that hold themselves', () => {
    const own = codecOf(type('v3.Everything'))
    const loop: Loose = {}
    loop['self'] = loop
    const json: Loose = {}
    json['self'] = [json]
    for (const init of [loop, { ...loop, fBytes: new Uint8Array(9000) }, { json }]) {
      assert.throws(
        () => own.encode(init),
        (error) => code(error) === 'TM_RPC_ENCODE' && /nested deeper/u.test(String(error)),
      )
      assert.throws(() => own.size(init), { code: 'TM_RPC_ENCODE' })
    }
    let deepest: Loose = {}
    for (let depth = 1; depth < 100; depth++) deepest = { self: deepest }
    assert.ok(own.decode(own.encode(deepest)))
    assert.throws(() => own.encode({ self: deepest }), { code: 'TM_RPC_ENCODE' })
  })

  it('refuses to write a message of more than 2 GiB before it takes the memory', () => {
    const part = new Uint8Array(64 * 1024 * 1024)
    assert.throws(
      () =>
        codecOf(type('v3.Everything')).encode({ rBytes: Array.from({ length: 32 }, () => part) }),
      (error) => code(error) === 'TM_RPC_ENCODE' && /up to 2147483647/u.test(String(error)),
    )
  })

  it('keeps numbers that a closed enum lacks aside, in lists, packed lists and maps too', () => {
    const own = codecOf(type('v2.Legacy'))
    // closeds (5) packed and one by one, closed_map (51); the enum of the first has 2, 5 and -1.
    const bytes = Buffer.from('08012a0302090528099a0304080110019a030408021007', 'hex')
    const message = own.decode(bytes) as Loose
    assert.deepEqual(message['closeds'], [2, 5])
    assert.deepEqual(message['closedMap'], { 1: 1 })
    assert.deepEqual(message['$unknown'], [
      { no: 5, wireType: 0, data: new Uint8Array([9]) },
      { no: 5, wireType: 0, data: new Uint8Array([9]) },
      { no: 51, wireType: 2, data: new Uint8Array([4, 8, 2, 16, 7]) },
    ])
    assert.deepEqual(own.decode(own.encode(message as never)), message)
  })

  it('reads overlong and negative numbers as the specification has them', () => {
    const read = (hex: string): Loose =>
      codecOf(type('v3.Everything')).decode(Buffer.from(hex, 'hex'))
    // f_int32 = 5: ten bytes for -1, five for -1, more than 32 bits, and 1 in ten bytes.
    assert.equal(read('28ffffffffffffffffff01')['fInt32'], -1)
    assert.equal(read('28ffffffff0f')['fInt32'], -1)
    assert.equal(read('2881808080f07f')['fInt32'], 1)
    assert.equal(read('2881808080808080808000')['fInt32'], 1)
    assert.equal(read('a80001')['fInt32'], 1)
    assert.equal(codecOf(type('v3.Everything')).encode({ fInt32: -1 }).length, 11)
    assert.equal(Object.is(read('')['fDouble'], 0), true)
  })

  it('reads text that is not UTF-8 as malformed: overlong, surrogates, beyond Unicode, cut off', () => {
    for (const text of ['c080', 'e08080', 'eda080', 'f4908080', 'e282', 'ff', '80']) {
      for (const pad of ['', '61'.repeat(40)]) {
        const length = (text.length + pad.length) / 2
        const bytes = Buffer.from(`4a${length.toString(16).padStart(2, '0')}${pad}${text}`, 'hex')
        assert.equal(decodeOrCode(type('v3.Everything'), bytes), 'TM_RPC_DECODE', text)
        const entry = Buffer.from(bytes.subarray(1))
        const map = Buffer.concat([Buffer.from([0xea, 0x03, entry.length + 1, 0x0a]), entry])
        assert.equal(decodeOrCode(type('v3.Everything'), map), 'TM_RPC_DECODE', text)
      }
    }
  })

  it('keeps keys apart that look alike, and __proto__ an own property', () => {
    const own = codecOf(type('v3.Everything'))
    const keys = [
      '__proto__',
      'constructor',
      'stock',
      'stoak',
      'st\u00f6ck',
      '\uFFFD',
      'a',
      'b',
      '',
    ]
    for (let round = 0; round < 3; round++) {
      const entries = keys.map((key) => [key, key])
      const map = Object.fromEntries(entries) as Loose
      const read = own.decode(own.encode({ mString: map })) as Loose
      assert.deepEqual(Object.entries(read['mString'] as Loose), Object.entries(map))
      assert.equal(Object.getPrototypeOf(read['mString']), Object.prototype)
    }
  })

  it('reads a thousand short keys that differ in one letter', () => {
    const own = codecOf(type('v3.Everything'))
    const keys = Array.from({ length: 2046 }, (_, i) => (i + 2).toString(2).slice(1))
    const mString = Object.fromEntries(keys.map((key) => [`k${key}`, key]))
    assert.deepEqual((own.decode(own.encode({ mString })) as Loose)['mString'], mString)
  })

  it('does not read beyond the end that it is given', () => {
    const own = codecOf(type('v3.Everything'))
    for (const [hex, end] of [
      ['4001', 1],
      ['2801', 1],
      ['288001', 2],
      ['4a0161', 2],
      ['4a00', 1],
    ] as const) {
      assert.throws(() => own.decode(Buffer.from(hex, 'hex'), 0, end), { code: 'TM_RPC_DECODE' })
    }
  })

  it('says -1 where a length that takes more bytes than the last one leaves too little room', () => {
    const own = codecOf(type('v3.Everything'))
    const long = { self: { fString: 'x'.repeat(130) } }
    const { length } = own.encode(long)
    own.encode({ self: { fString: 'a' } })
    assert.equal(own.write(long, Buffer.alloc(length - 1), 0), -1)
  })

  it('copies bytes and unknown fields, so that the buffer may be used again', () => {
    const own = codecOf(type('v3.Everything'))
    for (const size of [3, 500]) {
      const bytes = Buffer.concat([
        own.encode({ fBytes: new Uint8Array(size).fill(7), wBytes: new Uint8Array(size).fill(7) }),
        Buffer.from('c23e020707', 'hex'),
      ])
      const message = own.decode(bytes) as Loose
      bytes.fill(0xff)
      assert.ok((message['fBytes'] as Uint8Array).every((byte) => byte === 7))
      assert.ok((message['wBytes'] as Uint8Array).every((byte) => byte === 7))
      const [unknown] = message['$unknown'] as { data: Uint8Array }[]
      assert.deepEqual(unknown?.data, new Uint8Array([2, 7, 7]))
    }
  })

  it('says -1 where the target is too small, at every size', () => {
    const own = codecOf(type('v3.Everything'))
    const init = randomInit(type('v3.Everything'), new Dice(5), 1)
    const bytes = own.encode(init)
    for (let size = 0; size < bytes.length; size++) {
      assert.equal(own.write(init, Buffer.alloc(size), 0), -1)
    }
  })
})
