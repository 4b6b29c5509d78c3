import { createHash } from 'node:crypto'

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/iu

export function isEventId(text: unknown): text is string {
  return typeof text === 'string' && pattern.test(text)
}

export function packEventId(text: string): Uint8Array {
  return Buffer.from(text.replaceAll('-', ''), 'hex')
}

export function unpackEventId(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/**
 * The id of an event that came without one: version 7, its time the transaction's, the rest a digest of its place.
 * Derived, not random, because a program that runs again must write the same.
 */
export function deriveEventId(
  now: number,
  tenant: string,
  stream: string,
  version: number,
): Uint8Array {
  const id = createHash('sha256')
    .update(`${tenant}\0${stream}\0${version}`)
    .digest()
    .subarray(0, 16)
  id.writeUIntBE(now, 0, 6)
  id[6] = 0x70 | ((id[6] ?? 0) & 0x0f)
  id[8] = 0x80 | ((id[8] ?? 0) & 0x3f)
  return id
}
