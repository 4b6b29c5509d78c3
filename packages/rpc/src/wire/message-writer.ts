import type { MessageCodec } from '../method.ts'
import { gzipSync } from 'node:zlib'

const headerBytes = 5
const scratchBytes = 64 * 1024
/**
 * Where messages are framed; the transport copies small ones while they are handed over, and nothing else runs in
 * between. Made anew when a frame was so large that the transport keeps a reference to it.
 */
let scratch = Buffer.allocUnsafeSlow(scratchBytes)
/** From here on a transport keeps the bytes instead of copying them (see WriteSlab). */
const keptBytes = 16 * 1024

/**
 * A message with its five-byte prefix. The bytes are valid until the next call of this function, for ever when they are
 * 16 KiB or more. Undefined when the message has more than `limit` bytes.
 */
export function frameMessage<I, O>(
  codec: MessageCodec<I, O>,
  message: I,
  gzip: boolean,
  limit: number,
): Buffer | undefined {
  if (gzip) return frameBytes(gzipSync(codec.encode(message)), true, limit)
  const end = codec.encodeInto(message, scratch, headerBytes)
  if (end < 0) return frameBytes(codec.encode(message), false, limit)
  const length = end - headerBytes
  if (length > limit) return undefined
  const frame = scratch
  writePrefix(frame, 0, length)
  if (end >= keptBytes) scratch = Buffer.allocUnsafeSlow(scratchBytes)
  return frame.subarray(0, end)
}

/** The same for bytes; copies them. */
export function frameBytes(
  bytes: Uint8Array,
  compressed: boolean,
  limit: number,
): Buffer | undefined {
  if (bytes.length > limit) return undefined
  const frame = Buffer.allocUnsafe(headerBytes + bytes.length)
  writePrefix(frame, compressed ? 1 : 0, bytes.length)
  frame.set(bytes, headerBytes)
  return frame
}

function writePrefix(frame: Buffer, flag: number, length: number): void {
  frame[0] = flag
  frame[1] = length >>> 24
  frame[2] = (length >>> 16) & 0xff
  frame[3] = (length >>> 8) & 0xff
  frame[4] = length & 0xff
}
