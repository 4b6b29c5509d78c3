import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { decoder } from './decoder.ts'
import { encoder } from './encoder.ts'
import { type MessagePlan, planOf } from './plan.ts'
import { sizeOf } from './sizer.ts'
import { encodeFailure, mostBytes } from './value.ts'

/**
 * Reads and writes the bytes of one message type. The messages are protobuf-es messages: equal to what `fromBinary`
 * and `create` make, and their bytes equal to those of `toBinary`, several times faster.
 */
export interface MessageCodec<Desc extends DescMessage = DescMessage> {
  readonly desc: Desc
  /**
   * Reads a message from `bytes[start, end)`. Throws TM_RPC_DECODE on anything malformed. Bytes fields and unknown
   * fields are copies, so the caller may use the buffer again; with `share` they are views of it.
   */
  decode(bytes: Uint8Array, start?: number, end?: number, share?: boolean): MessageShape<Desc>
  /**
   * Writes a message, or an init shape of one as it is, to `target` from `at` and returns where it ends; -1 if there
   * is too little room: then what was written means nothing, and `encode` is the way. While it writes it may need a
   * few bytes more than `size` says. Throws TM_RPC_ENCODE for a value that the type does not have.
   */
  write(message: MessageInitShape<Desc>, target: Buffer, at: number): number
  /** Exact bytes of the message. */
  size(message: MessageInitShape<Desc>): number
  /** The message in a buffer of its own, `headroom` bytes behind its start. */
  encode(message: MessageInitShape<Desc>, headroom?: number): Buffer
  /** A message of the init shape; a message of the type is returned as it is. */
  create(init?: MessageInitShape<Desc>): MessageShape<Desc>
}

/** Messages up to here are written once and copied; larger ones are measured first. */
const workBytes = 4096
const work = Buffer.allocUnsafeSlow(workBytes)
/** While a message is written, each level of nesting may hold a few bytes more than it needs in the end. */
const spareBytes = 256

class PlannedCodec<Desc extends DescMessage> implements MessageCodec<Desc> {
  readonly desc: Desc
  readonly #plan: MessagePlan

  constructor(desc: Desc) {
    this.desc = desc
    this.#plan = planOf(desc)
  }

  decode(
    bytes: Uint8Array,
    start = 0,
    end: number = bytes.length,
    share = false,
  ): MessageShape<Desc> {
    // One class of arrays keeps the decoder's accesses specialised.
    const buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return decoder.decode(this.#plan, buffer, start, end, share) as MessageShape<Desc>
  }

  write(message: MessageInitShape<Desc>, target: Buffer, at: number): number {
    return encoder.write(this.#plan, message, target, at)
  }

  size(message: MessageInitShape<Desc>): number {
    return sizeOf(this.#plan, message)
  }

  encode(message: MessageInitShape<Desc>, headroom = 0): Buffer {
    const end = encoder.write(this.#plan, message, work, 0)
    if (end >= 0) {
      const small = Buffer.allocUnsafe(headroom + end)
      work.copy(small, headroom, 0, end)
      return small
    }
    return this.#large(message, headroom)
  }

  #large(message: MessageInitShape<Desc>, headroom: number): Buffer {
    const size = this.size(message)
    if (size > mostBytes) {
      throw encodeFailure(
        this.desc.typeName,
        `it has ${size} bytes; a message has up to ${mostBytes}`,
      )
    }
    const exact = headroom + size
    for (let spare = spareBytes; ; spare *= 4) {
      const large = Buffer.allocUnsafeSlow(exact + spare)
      const end = encoder.write(this.#plan, message, large, headroom)
      if (end >= 0) return large.subarray(0, end)
    }
  }

  create(init?: MessageInitShape<Desc>): MessageShape<Desc> {
    return init === undefined ? (this.#plan.zero() as MessageShape<Desc>) : create(this.desc, init)
  }
}

const codecs = new WeakMap<DescMessage, MessageCodec>()

/** The codec of a message type; always the same one for the same descriptor. */
export function codecOf<Desc extends DescMessage>(desc: Desc): MessageCodec<Desc> {
  const known = codecs.get(desc)
  if (known !== undefined) return known as unknown as MessageCodec<Desc>
  const codec = new PlannedCodec(desc)
  codecs.set(desc, codec)
  return codec
}
