const polynomial = 0x82f63b78

// Eight tables of 256: table n gives the effect of a byte that stands n places before the end of its group.
const tables = new Int32Array(8 * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0)
  tables[byte] = crc
}
for (let i = 256; i < tables.length; i++) {
  const crc = tables[i - 256] as number
  tables[i] = (crc >>> 8) ^ (tables[crc & 255] as number)
}

/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `data` from `start` to `end`, as an unsigned 32-bit
 * integer. Pass the result of an earlier part as `seed` to continue over several parts.
 */
export function crc32c(data: Uint8Array, seed = 0, start = 0, end: number = data.length): number {
  const t = tables
  let crc = ~seed
  let i = start
  // Slicing-by-8: eight bytes a round, their table look-ups independent of each other.
  for (const last = end - 8; i <= last; i += 8) {
    crc ^=
      (data[i] as number) |
      ((data[i + 1] as number) << 8) |
      ((data[i + 2] as number) << 16) |
      ((data[i + 3] as number) << 24)
    crc =
      (t[1792 + (crc & 255)] as number) ^
      (t[1536 + ((crc >>> 8) & 255)] as number) ^
      (t[1280 + ((crc >>> 16) & 255)] as number) ^
      (t[1024 + (crc >>> 24)] as number) ^
      (t[768 + (data[i + 4] as number)] as number) ^
      (t[512 + (data[i + 5] as number)] as number) ^
      (t[256 + (data[i + 6] as number)] as number) ^
      (t[data[i + 7] as number] as number)
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ (t[(crc ^ (data[i] as number)) & 255] as number)
  return ~crc >>> 0
}
