import { gzipSync } from 'node:zlib'

/** A message with gRPC's five-byte prefix (flag, then length), ready to be sent; `gzip` compresses it and sets the flag. */
export function frameMessage(message: Uint8Array, gzip: boolean): Buffer {
  const body = gzip ? gzipSync(message) : message
  const frame = Buffer.allocUnsafe(5 + body.length)
  frame[0] = gzip ? 1 : 0
  frame.writeUInt32BE(body.length, 1)
  frame.set(body, 5)
  return frame
}

/** Splits messages that are each prefixed by their length as a varint; undefined when the bytes are no such list. */
export function splitDelimited(bytes: Uint8Array): Uint8Array[] | undefined {
  const messages: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    let length = 0
    let shift = 0
    for (;;) {
      const byte = bytes[at++]
      if (byte === undefined || shift > 28) return undefined
      length += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
      shift += 7
    }
    if (at + length > bytes.length) return undefined
    messages.push(bytes.subarray(at, at + length))
    at += length
  }
  return messages
}
