import { type Random, realRandom } from '@tidemill/core'
import { KeyHash } from './key-hash.ts'

export interface KeySlotsOptions {
  /** Keys of a generation; at most two generations are held. */
  readonly maxKeys: number
  /** Numbers kept per key. */
  readonly width: number
  /** A generation is over after that many milliseconds too, so that memory of a busy hour comes back. */
  readonly generationMs: number
  /**
   * The first number is a TAT. A key that has less than a token left when it is forgotten leaves a floor: keys that come
   * anew and look like it begin with one token. By tag, how many milliseconds before that the TAT lies ahead.
   */
  readonly spentMs?: readonly number[]
  readonly random?: Random
}

/** One open-addressed table: per slot 8 bytes of fingerprint and tag, then the numbers. */
class Generation {
  readonly words: Int32Array
  readonly values: Float64Array
  readonly slots: number
  count = 0

  constructor(slots: number, stride: number) {
    const buffer = new ArrayBuffer(slots * stride * 8)
    this.words = new Int32Array(buffer)
    this.values = new Float64Array(buffer)
    this.slots = slots
  }
}

const firstSlots = 64
const crowding = 1.3
const floorCells = 4096

/**
 * A bounded map from keys to a few numbers, in typed arrays: the texts are not kept, only 56 bits of a keyed hash (two of
 * a million keys meet with a chance of 1 in 140,000). Full, it forgets the keys that were not used for a whole
 * generation. A key that is looked at stays.
 */
export class KeySlots {
  /** Numbers of the newest generation; `locate` says where a key's begin. Replaced as it grows. */
  values: Float64Array
  /** Whether the last `locate` made the key. */
  fresh = false
  /** Keys forgotten while they still mattered. */
  forgotten = 0
  readonly #hash: KeyHash
  readonly #stride: number
  #maxKeys: number
  #generationMs: number
  #current: Generation
  #previous: Generation
  #since = Number.NEGATIVE_INFINITY
  #spentMs: readonly number[]
  readonly #floor: Float64Array

  constructor(options: KeySlotsOptions) {
    this.#hash = new KeyHash(options.random ?? realRandom)
    this.#stride = options.width + 1
    this.#maxKeys = options.maxKeys
    this.#generationMs = options.generationMs
    this.#current = new Generation(firstSlots, this.#stride)
    this.#previous = new Generation(0, this.#stride)
    this.#spentMs = options.spentMs ?? []
    this.#floor = new Float64Array(this.#spentMs.length > 0 ? 2 * floorCells : 0)
    this.values = this.#current.values
  }

  /** Keys held, those that moved to the newest generation once. */
  get size(): number {
    return this.#current.count + this.#previous.count
  }

  /** Bytes of the tables. */
  get bytes(): number {
    return (
      this.#current.values.byteLength + this.#previous.values.byteLength + this.#floor.byteLength
    )
  }

  /** Other bounds; what is held stays until it is forgotten in turn. */
  resize(maxKeys: number, generationMs: number, spentMs: readonly number[] = []): void {
    this.#spentMs = spentMs
    this.#maxKeys = maxKeys
    this.#generationMs = generationMs
  }

  /** Where the key's numbers begin in `values`; makes it with zeros (or the floor) when it is not known. */
  locate(key: string, now: number): number {
    const hash = this.#hash
    hash.update(key)
    // 0 marks an empty slot.
    const low = hash.low === 0 ? 1 : hash.low
    const high = hash.high & 0xffffff00
    const found = find(this.#current, this.#stride, low, high)
    this.fresh = false
    return found >= 0 ? found : this.#bring(low, high, now)
  }

  /** The key's 8 bits beside the fingerprint, 0 at first. */
  tag(at: number): number {
    return (this.#current.words[2 * at - 1] as number) & 0xff
  }

  setTag(at: number, tag: number): void {
    const word = 2 * at - 1
    const { words } = this.#current
    words[word] = ((words[word] as number) & 0xffffff00) | tag
  }

  /** Lowers the first number of every key to the cap of its tag. */
  cap(caps: readonly number[]): void {
    for (const generation of [this.#current, this.#previous]) {
      const { values, words } = generation
      for (let at = 1; at < values.length; at += this.#stride) {
        if (words[2 * at - 2] === 0) continue
        const tag = (words[2 * at - 1] as number) & 0xff
        const most = caps[tag < caps.length ? tag : 0] as number
        if ((values[at] as number) > most) values[at] = most
      }
    }
    const most = Math.max(...caps)
    for (let i = 0; i < this.#floor.length; i++) {
      if ((this.#floor[i] as number) > most) this.#floor[i] = most
    }
  }

  clear(): void {
    this.#current = new Generation(firstSlots, this.#stride)
    this.#previous = new Generation(0, this.#stride)
    this.values = this.#current.values
    this.#floor.fill(0)
  }

  #bring(low: number, high: number, now: number): number {
    const { count } = this.#current
    if (count >= this.#maxKeys || (count > 0 && now - this.#since > this.#generationMs)) {
      this.#rotate(now)
    } else if (count * crowding >= this.#current.slots) {
      this.#grow()
    }
    if (this.#current.count === 0) this.#since = now
    const at = insert(this.#current, this.#stride, low, high)
    const previous = this.#previous
    const old = previous.count === 0 ? -1 : find(previous, this.#stride, low, high)
    if (old >= 0) {
      const from = previous.values
      const { values, words } = this.#current
      words[2 * at - 1] = previous.words[2 * old - 1] as number
      for (let i = 0; i < this.#stride - 1; i++) {
        values[at + i] = from[old + i] as number
        from[old + i] = 0
      }
      return at
    }
    this.fresh = true
    if (this.#floor.length > 0) {
      this.values[at] = Math.min(
        this.#floor[low & (floorCells - 1)] as number,
        this.#floor[floorCells + (high >>> 20)] as number,
      )
    }
    return at
  }

  #grow(): void {
    const from = this.#current
    const stride = this.#stride
    const slots = Math.min(
      from.slots * 2,
      Math.max(firstSlots, Math.ceil(this.#maxKeys * crowding) + 1),
    )
    const to = new Generation(Math.max(slots, from.slots), stride)
    for (let at = 1; at < from.values.length; at += stride) {
      const low = from.words[2 * at - 2] as number
      if (low === 0) continue
      const place = insert(to, stride, low, from.words[2 * at - 1] as number)
      for (let i = 0; i < stride - 1; i++) to.values[place + i] = from.values[at + i] as number
    }
    this.#current = to
    this.values = to.values
  }

  /** Drops the older generation; what it held and still mattered raises the floor of keys that come anew. */
  #rotate(now: number): void {
    const dropped = this.#previous
    const floor = this.#floor
    if (dropped.count > 0 && floor.length > 0) {
      for (let at = 1; at < dropped.values.length; at += this.#stride) {
        const until = dropped.values[at] as number
        if (until <= now) continue
        this.forgotten++
        const word = dropped.words[2 * at - 1] as number
        const most = now + (this.#spentMs[word & 0xff] ?? 0)
        // Only spent keys count, and only up to the last token: else a flood of keys that inherit the floor and use one
        // more would raise it until strangers are refused.
        if (until <= most) continue
        const first = (dropped.words[2 * at - 2] as number) & (floorCells - 1)
        const second = floorCells + (word >>> 20)
        if ((floor[first] as number) < most) floor[first] = most
        if ((floor[second] as number) < most) floor[second] = most
      }
    }
    this.#previous = this.#current
    // A full generation is followed by one of its size (its memory is taken over); a slack one may shrink.
    const { slots } = this.#previous
    if (this.#previous.count < this.#maxKeys) {
      this.#current = new Generation(Math.max(firstSlots, slots >>> 1), this.#stride)
    } else if (dropped.slots === slots) {
      dropped.values.fill(0)
      dropped.count = 0
      this.#current = dropped
    } else {
      this.#current = new Generation(slots, this.#stride)
    }
    this.values = this.#current.values
  }
}

/** Index of the first number of the fingerprint, or -1. */
function find(generation: Generation, stride: number, low: number, high: number): number {
  const { words, slots } = generation
  let slot = Math.floor(((low >>> 0) * slots) / 4_294_967_296)
  for (;;) {
    const word = 2 * slot * stride
    const there = words[word] as number
    if (there === 0) return -1
    // The tag in the lower 8 bits is not part of the fingerprint.
    if (there === low && ((words[word + 1] as number) ^ high) >>> 8 === 0) return slot * stride + 1
    slot = slot + 1 === slots ? 0 : slot + 1
  }
}

/** Takes the next empty slot for a fingerprint that is not there; there is always one. */
function insert(generation: Generation, stride: number, low: number, high: number): number {
  const { words, slots } = generation
  let slot = Math.floor(((low >>> 0) * slots) / 4_294_967_296)
  while (words[2 * slot * stride] !== 0) slot = slot + 1 === slots ? 0 : slot + 1
  const word = 2 * slot * stride
  words[word] = low
  words[word + 1] = high
  generation.count++
  return slot * stride + 1
}
