import type { HeaderList } from '../header-list.ts'
import { EncoderTable, type KnownName } from './encoder-table.ts'
import { ADAPT, INDEX, SECRET, shortCookie } from './field-policy.ts'
import { huffmanEncode, huffmanLength } from './huffman.ts'

export interface HpackEncoderOptions {
  /** Most bytes of the dynamic table that are used of what the peer offers; default 4096. */
  readonly maxTableSize?: number
}

/** Bytes that a field takes beside its characters, at most: three integers. */
const fieldOverhead = 16
/** Two table size updates. */
const updateOverhead = 12
/** Frozen lists whose bytes are kept; then all are forgotten. */
const cachedLists = 256
/** Longest value that is looked for a second time. */
const adaptiveLength = 256

class CachedList {
  generation = -1
  bytes: Uint8Array = nothing
}
const nothing = new Uint8Array(0)

/**
 * Encodes the header blocks of one direction of a connection (RFC 7541), in the order in which they are sent: a block
 * that was encoded must be sent, or the peer's table no longer matches.
 *
 * A list that is frozen (`Object.freeze`) and comes again is copied from its bytes of last time while the table has not
 * changed: make lists that many streams send constants.
 */
export class HpackEncoder {
  readonly #table: EncoderTable
  readonly #cap: number
  /** Table size to tell the peer before the next block, and the lowest there was since the last; -1 for none. */
  #update = -1
  #lowest = -1
  readonly #lists = new Map<HeaderList, CachedList>()
  /** Hashes of fields that were sent without indexing, to know them when they come again. */
  readonly #seen = new Int32Array(128)

  constructor(options: HpackEncoderOptions = {}) {
    this.#cap = options.maxTableSize ?? 4096
    this.#table = new EncoderTable(4096)
    if (this.#cap < 4096) this.setMaxTableSize(4096)
  }

  /** Bytes in the dynamic table, for tests and statistics. */
  get tableSize(): number {
    return this.#table.size
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE, from the next block on; the 4096 of RFC 9113 is known without. */
  setMaxTableSize(bytes: number): void {
    const size = Math.min(bytes, this.#cap)
    if (size === this.#table.maxSize) return
    this.#table.resize(size)
    this.#lowest = this.#lowest < 0 ? size : Math.min(this.#lowest, size)
    this.#update = size
  }

  /** Room that `encode` needs for the list at most. */
  bound(list: HeaderList): number {
    let bytes = updateOverhead
    for (let i = 0; i < list.length; i++) bytes += (list[i] as string).length
    return bytes + (list.length >>> 1) * fieldOverhead
  }

  /**
   * Writes the block of a list that `headersFault` found well formed into `target` from `at` on, where `bound(list)`
   * bytes must be free, and returns where it ends. A character above 255 is sent as `?`.
   */
  encode(list: HeaderList, target: Uint8Array, at: number): number {
    let end = this.#update < 0 ? at : this.#updates(target, at)
    if (!Object.isFrozen(list)) return this.#fields(list, target, end)
    let cached = this.#lists.get(list)
    if (cached === undefined) {
      cached = new CachedList()
      if (this.#lists.size >= cachedLists) this.#lists.clear()
      this.#lists.set(list, cached)
    }
    const generation = this.#table.generation
    if (cached.generation === generation) {
      const bytes = cached.bytes
      const size = bytes.length
      // A loop beats a call into the engine for the few bytes that an indexed list is.
      if (size > 64) target.set(bytes, end)
      else for (let i = 0; i < size; i++) target[end + i] = bytes[i] as number
      return end + size
    }
    const start = end
    end = this.#fields(list, target, start)
    if (this.#table.generation === generation) {
      cached.generation = generation
      // Not slice: a Buffer gives a view there.
      cached.bytes = new Uint8Array(target.subarray(start, end))
    }
    return end
  }

  #updates(target: Uint8Array, at: number): number {
    let end = at
    if (this.#lowest < this.#update) end = writeInteger(target, end, 0x20, 0x1f, this.#lowest)
    end = writeInteger(target, end, 0x20, 0x1f, this.#update)
    this.#lowest = -1
    this.#update = -1
    return end
  }

  #fields(list: HeaderList, target: Uint8Array, at: number): number {
    let end = at
    for (let i = 0; i + 1 < list.length; i += 2) {
      const value = list[i + 1] as string
      const known = this.#table.known(list[i] as string)
      const index = this.#table.fieldIndex(known, value)
      if (index === 0) end = this.#literal(known, value, target, end)
      else if (index < 0x7f) target[end++] = 0x80 | index
      else end = writeInteger(target, end, 0x80, 0x7f, index)
    }
    return end
  }

  #literal(known: KnownName, value: string, target: Uint8Array, at: number): number {
    const { name, policy } = known
    const nameIndex = this.#table.nameIndex(known)
    let end: number
    if (policy === SECRET || (name === 'cookie' && value.length < shortCookie))
      end = writeInteger(target, at, 0x10, 0x0f, nameIndex)
    else if (
      (policy === INDEX || (policy === ADAPT && this.#again(name, value))) &&
      this.#table.takes(name, value)
    ) {
      end = writeInteger(target, at, 0x40, 0x3f, nameIndex)
      this.#table.insert(known, value)
    } else end = writeInteger(target, at, 0x00, 0x0f, nameIndex)
    if (nameIndex === 0) end = writeString(target, end, name)
    return writeString(target, end, value)
  }

  /** Whether the field was seen lately; remembers it. */
  #again(name: string, value: string): boolean {
    if (value.length > adaptiveLength) return false
    let hash = 0x811c9dc5 ^ name.length
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
    for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193)
    const at = (hash ^ (hash >>> 15)) & (this.#seen.length - 1)
    if (this.#seen[at] === hash) return true
    this.#seen[at] = hash
    return false
  }
}

/** An integer behind the bits `flags`, with a prefix of `mask` (RFC 7541 5.1). */
export function writeInteger(
  target: Uint8Array,
  at: number,
  flags: number,
  mask: number,
  value: number,
): number {
  if (value < mask) {
    target[at] = flags | value
    return at + 1
  }
  let end = at
  target[end++] = flags | mask
  let rest = value - mask
  while (rest >= 0x80) {
    target[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[end++] = rest
  return end
}

/** A string (RFC 7541 5.2), as a Huffman string where that is shorter. */
export function writeString(target: Uint8Array, at: number, text: string): number {
  const packed = huffmanLength(text)
  if (packed < text.length)
    return huffmanEncode(text, target, writeInteger(target, at, 0x80, 0x7f, packed))
  const end = writeInteger(target, at, 0, 0x7f, text.length)
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    target[end + i] = char > 255 ? 63 : char
  }
  return end + text.length
}
