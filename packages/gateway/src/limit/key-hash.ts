import type { Random } from '@tidemill/core'

/**
 * Keyed hash of texts (HalfSipHash-1-3 with 64 bits, over UTF-16 units): who does not know the seed cannot find two keys
 * that share a slot, so an attacker cannot spend the tokens of another client.
 */
export class KeyHash {
  /** The two halves of the last hash, signed so that they stay small integers for the engine. */
  low = 0
  high = 0
  readonly #k0: number
  readonly #k1: number

  constructor(random: Random) {
    const seed = new DataView(random.bytes(new Uint8Array(8)).buffer)
    this.#k0 = seed.getInt32(0)
    this.#k1 = seed.getInt32(4)
  }

  /** Hashes the text into `low` and `high`. */
  update(text: string): void {
    let v0 = this.#k0
    let v1 = this.#k1 ^ 0xee
    let v2 = 0x6c796765 ^ this.#k0
    let v3 = 0x74656462 ^ this.#k1
    const { length } = text
    const even = length & ~1
    // The round stands here twice: with one loop for both, branches that cannot be foretold cost more than the rounds.
    for (let i = 0; i < even; i += 2) {
      const word = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16)
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
    }
    // The odd unit and the length, then three rounds for each output.
    const last = (length << 16) | (length === even ? 0 : text.charCodeAt(even))
    v3 ^= last
    for (let round = 0; round < 7; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      if (round === 0) {
        v0 ^= last
        v2 ^= 0xee
      } else if (round === 3) {
        this.low = v1 ^ v3
        v1 ^= 0xdd
      }
    }
    this.high = v1 ^ v3
  }
}
