/** Bytes that the value takes as a varint: 1 to 5. */
export function varint32Length(value: number): number {
  const v = value >>> 0
  if (v < 0x80) return 1
  if (v < 0x4000) return 2
  if (v < 0x20_0000) return 3
  return v < 0x1000_0000 ? 4 : 5
}

/** Writes an unsigned 32-bit integer as a base-128 varint; returns the offset behind it. */
export function writeVarint32(target: Uint8Array, offset: number, value: number): number {
  let at = offset
  let v = value >>> 0
  while (v > 0x7f) {
    target[at++] = (v & 0x7f) | 0x80
    v >>>= 7
  }
  target[at++] = v
  return at
}

/** Writes an unsigned 64-bit integer, given as two 32-bit halves, as a varint; returns the offset behind it. */
export function writeVarint64(
  target: Uint8Array,
  offset: number,
  low: number,
  high: number,
): number {
  let at = offset
  let lo = low >>> 0
  let hi = high >>> 0
  while (hi !== 0) {
    target[at++] = (lo & 0x7f) | 0x80
    lo = ((lo >>> 7) | (hi << 25)) >>> 0
    hi >>>= 7
  }
  return writeVarint32(target, at, lo)
}

/** Signed to unsigned with small results for small values of either sign (protobuf "sint32"). */
export function zigzag32(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}

export function unzigzag32(value: number): number {
  return (value >>> 1) ^ -(value & 1)
}

/** {@link zigzag32} for 64 bits. */
export function zigzag64(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
}

export function unzigzag64(value: bigint): bigint {
  return (value >> 1n) ^ -(value & 1n)
}
