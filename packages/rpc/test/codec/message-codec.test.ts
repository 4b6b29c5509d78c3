import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { TidemillError } from '@tidemill/core'
import fc from 'fast-check'
import { codecOf } from '../../src/codec/message-codec.ts'
import { corpusRegistry } from '../proto/descriptor-set.ts'
import { Dice, mutate, randomInit, randomMessage } from './random-message.ts'
import { isRegular } from './regular.ts'

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

function esDecode(desc: DescMessage, bytes: Uint8Array): Message | 'refused' {
  try {
    return fromBinary(desc, bytes)
  } catch {
    return 'refused'
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
      { numRuns: 1500 },
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
      { numRuns: 1500 },
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
      { numRuns: 500 },
    )
  })

  it('accepts and refuses mutated bytes as protobuf-es does, and never fails without a code', () => {
    let regular = 0
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...types), (seed, desc) => {
        const dice = new Dice(seed)
        const bytes = mutate(esBytes(desc, randomInit(desc, dice, 2)), dice)
        const ours = decodeOrCode(desc, bytes)
        if (typeof ours === 'string') assert.equal(ours, 'TM_RPC_DECODE')
        if (isRegular(desc, bytes)) {
          regular++
          const theirs = esDecode(desc, bytes)
          if (typeof ours === 'string') assert.equal(theirs, 'refused')
          else assert.deepEqual(ours, theirs)
        } else if (typeof ours !== 'string') {
          roundTrips(desc, ours)
        }
      }),
      { numRuns: 20_000 },
    )
    assert.ok(regular > 2000, `${regular} comparable inputs`)
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
    [
      'a field that reaches beyond its message',
      '9a0502' + '0a05' + '6162636465',
      /beyond the message/u,
    ],
    ['a varint without end', '28ffff', /inside a varint/u],
    ['a varint of eleven bytes', '28' + 'ff'.repeat(10) + '01', /more than ten bytes/u],
    ['the field number 0', '00', /number 0/u],
    ['a wire type that does not exist', '2f', /wire type 7/u],
    ['an end of a group that did not begin', '2c', /did not begin/u],
    ['a group that does not end', 'c30c0801', /does not end/u],
    ['text that is not UTF-8', '4a02c328', /not UTF-8/u],
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
    ['a key that is no boolean', { mBool: { x: {} } }, /the key "x" is neither true nor false/u],
  ]
  for (const [what, init, reason] of wrong) {
    it(`refuses to write ${what}, naming the field`, () => {
      const own = codecOf(type('v3.Everything'))
      assert.throws(
        () => own.encode(init as never),
        (error) => code(error) === 'TM_RPC_ENCODE' && reason.test(String(error)),
      )
    })
  }

  it('refuses to write a message without a required field', () => {
    const missing = /v2.Legacy.id: it is required/u
    for (const message of [{}, create(type('v2.Legacy'))]) {
      assert.throws(
        () => codecOf(type('v2.Legacy')).encode(message as never),
        (error) => code(error) === 'TM_RPC_ENCODE' && missing.test(String(error)),
      )
    }
  })

  it('says -1 where the target is too small, at every size', () => {
    const own = codecOf(type('v3.Everything'))
    const init = randomInit(type('v3.Everything'), new Dice(5), 1)
    const bytes = own.encode(init as never)
    for (let size = 0; size < bytes.length; size++) {
      assert.equal(own.write(init as never, Buffer.alloc(size), 0), -1)
    }
  })
})

/** What was read can be written again (unless a required field is missing) and reads the same. */
function roundTrips(desc: DescMessage, message: Message): void {
  try {
    const bytes = codecOf(desc).encode(message)
    assert.deepEqual(codecOf(desc).encode(codecOf(desc).decode(bytes)), bytes)
  } catch (error) {
    if (code(error) !== 'TM_RPC_ENCODE') throw error
  }
}
