import { crc32 as zlibCrc32 } from 'node:zlib'

/**
 * CRC-32 (IEEE 802.3, the one of gzip and zip) of bytes or of a string's UTF-8, as an unsigned 32-bit
 * integer. Pass the result of an earlier part as `seed` to continue over several parts.
 */
export function crc32(data: string | Uint8Array, seed = 0): number {
  return zlibCrc32(data, seed)
}
