/** Longest key; longer ones are unlikely to come again. */
const longestKey = 256

/** Hash of `bytes[start..end)` (FNV-1a), which is no secret: a collision costs a miss. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 ^ (end - start)
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash ^ (hash >>> 15)
}

interface Slot<Value> {
  hash: number
  generation: number
  readonly key: Uint8Array
  length: number
  value: Value
}

/**
 * Remembers by bytes what they were decoded to: direct-mapped, of bounded size, empty until the first key comes a
 * second time, so that what comes once (trace ids) displaces nothing.
 */
export class ByteCache<Value> {
  readonly #mask: number
  readonly #slots: (Slot<Value> | undefined)[]
  /** By slot, the hash of the last key that missed. */
  readonly #missed: Int32Array
  /** Of the last `get`. */
  #hash = 0

  /** @param size how many values at most, a power of two. */
  constructor(size: number) {
    this.#mask = size - 1
    this.#slots = new Array<Slot<Value> | undefined>(size).fill(undefined)
    this.#missed = new Int32Array(size)
  }

  /** What was stored for these bytes in this generation. */
  get(bytes: Uint8Array, start: number, end: number, generation: number): Value | undefined {
    const length = end - start
    if (length > longestKey) return undefined
    const hash = hashBytes(bytes, start, end)
    this.#hash = hash
    const slot = this.#slots[hash & this.#mask]
    if (slot === undefined || slot.hash !== hash || slot.generation !== generation) return undefined
    if (slot.length !== length) return undefined
    const key = slot.key
    for (let i = 0; i < length; i++) if (key[i] !== bytes[start + i]) return undefined
    return slot.value
  }

  /** After a `get` that found nothing: whether these bytes have missed before, so that `set` is worth it. */
  get repeated(): boolean {
    const at = this.#hash & this.#mask
    if (this.#missed[at] === this.#hash) return true
    this.#missed[at] = this.#hash
    return false
  }

  /** Stores for the bytes of the last `get`, which must be the same. */
  set(bytes: Uint8Array, start: number, end: number, generation: number, value: Value): void {
    const length = end - start
    if (length > longestKey) return
    const at = this.#hash & this.#mask
    let slot = this.#slots[at]
    if (slot === undefined || slot.key.length < length) {
      const key = new Uint8Array(Math.max(32, 1 << (32 - Math.clz32(length - 1))))
      slot = { hash: 0, generation, key, length, value }
      this.#slots[at] = slot
    }
    slot.hash = this.#hash
    slot.generation = generation
    slot.length = length
    slot.value = value
    for (let i = 0; i < length; i++) slot.key[i] = bytes[start + i] as number
  }
}
