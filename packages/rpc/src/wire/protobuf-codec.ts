import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { codecOf, type MessageCodec as PlannedCodec } from '../codec/message-codec.ts'
import type { MessageCodec } from '../method.ts'

type Init = MessageInitShape<DescMessage>

const codecs = new WeakMap<DescMessage, MessageCodec<unknown, unknown>>()

/** The codec of a message type, made once per type. */
export function protobufCodec(desc: DescMessage): MessageCodec<unknown, unknown> {
  let codec = codecs.get(desc)
  if (codec === undefined) {
    codec = new ProtobufCodec(desc)
    codecs.set(desc, codec)
  }
  return codec
}

class ProtobufCodec implements MessageCodec<unknown, unknown> {
  readonly #codec: PlannedCodec

  constructor(desc: DescMessage) {
    this.#codec = codecOf(desc)
  }

  encodeInto(message: unknown, buffer: Buffer, offset: number): number {
    return this.#codec.write(message as Init, buffer, offset)
  }

  encode(message: unknown): Uint8Array {
    return this.#codec.encode(message as Init)
  }

  decode(buffer: Buffer, start: number, end: number): unknown {
    return this.#codec.decode(buffer, start, end)
  }
}

/** Messages that are bytes already. */
export const bytesCodec: MessageCodec<Uint8Array, Uint8Array> = {
  encodeInto(message, buffer, offset) {
    if (message.length > buffer.length - offset) return -1
    buffer.set(message, offset)
    return offset + message.length
  },
  encode: (message) => message,
  decode: (buffer, start, end) => Buffer.from(buffer.subarray(start, end)),
}
