/**
 * 32 bit of a key (a header, a cookie, an address) for hash balancers and sticky splits: MurmurHash3 x86 32 over the
 * UTF-16LE bytes of the text, unsigned. The same in every process and release. To hash several parts in order, give the
 * hash of those before as `seed`. Not for anything that an attacker gains by colliding.
 */
export function hashKey(text: string, seed = 0): number {
  let hash = seed | 0
  const length = text.length
  const pairs = length & ~1
  for (let i = 0; i < pairs; i += 2) {
    let block = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16)
    block = Math.imul(block, 0xcc9e2d51)
    block = (block << 15) | (block >>> 17)
    hash ^= Math.imul(block, 0x1b873593)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  if (pairs !== length) {
    let block = Math.imul(text.charCodeAt(pairs), 0xcc9e2d51)
    block = (block << 15) | (block >>> 17)
    hash ^= Math.imul(block, 0x1b873593)
  }
  return mixHash(hash ^ (length * 2))
}

/** Spreads the bits of a number over 32; also gives the next choice for a hash whose first is not to be had. */
export function mixHash(value: number): number {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
