import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { TidemillError } from '@tidemill/core'
import { codecOf } from '../../src/codec/message-codec.ts'
import { corpusRegistry } from '../proto/descriptor-set.ts'
import { Dice, mutate, randomInit } from './random-message.ts'
import { isRegular } from './regular.ts'

const runs = Number(process.env['TIDEMILL_FUZZ_RUNS'] ?? 100_000)
const seed = Number(process.env['TIDEMILL_FUZZ_SEED'] ?? 1)
const differentialRuns = 20_000
/** Bytes of an input: small ones, so that a mutation hits something. */
const mostBytes = 200
const seedsPerType = 60

interface Input {
  readonly desc: DescMessage
  readonly bytes: Buffer
}

const inputs = ['v3.Everything', 'v2.Legacy', 'ed.Modern'].flatMap((name) => {
  const desc = corpusRegistry().getMessage(`tidemill.test.${name}`)
  assert.ok(desc, name)
  return seedsOf(desc)
})

function seedsOf(desc: DescMessage): Input[] {
  const dice = new Dice(seed)
  const seeds: Input[] = []
  while (seeds.length < seedsPerType) {
    const bytes = Buffer.from(toBinary(desc, create(desc, randomInit(desc, dice, 1) as never)))
    if (bytes.length > 0 && bytes.length < 4 * mostBytes) seeds.push({ desc, bytes })
  }
  return seeds
}

/** Undefined if the codec refuses the bytes by its code; any other failure is one of the test. */
function decode({ desc }: Input, bytes: Uint8Array, context: string): Message | undefined {
  try {
    return codecOf(desc).decode(bytes)
  } catch (error) {
    assert.ok(
      TidemillError.is(error) && error.code === 'TM_RPC_DECODE',
      `${context}: ${String(error)}`,
    )
    return undefined
  }
}

function peerDecode(desc: DescMessage, bytes: Uint8Array): Message | undefined {
  try {
    return fromBinary(desc, bytes)
  } catch {
    return undefined
  }
}

/** What was read can be written (unless a required field is missing) and reads the same. */
function roundTrips({ desc }: Input, message: Message, context: string): void {
  const codec = codecOf(desc)
  let bytes: Buffer
  try {
    bytes = codec.encode(message)
  } catch (error) {
    assert.ok(
      TidemillError.is(error) && error.code === 'TM_RPC_ENCODE',
      `${context}: ${String(error)}`,
    )
    assert.match(String(error), /required|surrogate/u, context)
    return
  }
  assert.equal(codec.size(message), bytes.length, context)
  assert.ok(codec.encode(codec.decode(bytes)).equals(bytes), context)
}

describe('mutated message bytes', () => {
  it('are read or refused with a code, and what is read can be written again', () => {
    const dice = new Dice(seed + 1)
    let accepted = 0
    for (let run = 0; run < runs; run++) {
      const input = dice.pick(inputs)
      const bytes = mutate(input.bytes, dice)
      const context = `seed ${seed} run ${run}: ${input.desc.typeName}`
      const message = decode(input, bytes, context)
      if (message === undefined) continue
      accepted++
      // The way back costs several times the way in.
      if (run % 4 === 0) roundTrips(input, message, context)
    }
    assert.ok(accepted > runs / 10 && accepted < runs * 0.9, `${accepted} of ${runs} accepted`)
  })

  it('are accepted and refused as protobuf-es does, where that keeps to the specification', () => {
    const dice = new Dice(seed + 2)
    let regular = 0
    for (let run = 0; run < differentialRuns; run++) {
      const input = dice.pick(inputs)
      const bytes = mutate(input.bytes, dice)
      if (!isRegular(input.desc, bytes)) continue
      regular++
      const context = `seed ${seed} run ${run}: ${input.desc.typeName} ${Buffer.from(bytes).toString('hex')}`
      assert.deepEqual(
        decode(input, bytes, context),
        peerDecode(input.desc, new Uint8Array(bytes)),
        context,
      )
    }
    assert.ok(regular > differentialRuns / 10, `${regular} comparable inputs`)
  })
})
