import { ByteCache } from './byte-cache.ts'
import { DecoderTable, entryOverhead } from './decoder-table.ts'
import { addField, classifyValue, nameClass } from './field-class.ts'
import {
  COMPRESSION_FAILED,
  DECODED,
  HeaderBlock,
  LIST_ABUSE,
  LIST_TOO_LARGE,
} from './header-block.ts'
import { huffmanBound, huffmanDecode } from './huffman.ts'

export interface HpackDecoderOptions {
  /** Bytes that the dynamic table may grow to before anything else is agreed; default 4096, as RFC 9113 6.5.2 has it. */
  readonly maxTableSize?: number
  /** Largest list, by the measure of RFC 9113 6.5.2; default 16 KiB. */
  readonly maxListSize?: number
  /** List size from which on a block is an attack; default 16 times `maxListSize`. */
  readonly abuseListSize?: number
}

/** Strings up to this length are looked for in the cache. */
const cachedString = 64
const cachedBlocks = 64
const cachedStrings = 128

/** Where Huffman strings are decoded; grows to the longest string that fits a block. */
let scratch: Buffer = Buffer.allocUnsafeSlow(4096)

/**
 * Decodes the header blocks of one direction of a connection (RFC 7541), in their order. A block that comes again while
 * the dynamic table has not changed, as most of a busy gRPC connection do, costs a look-up.
 */
export class HpackDecoder {
  readonly #table: DecoderTable
  readonly #maxListSize: number
  readonly #abuseListSize: number
  /** The agreed limit of the table. */
  #limit: number
  /** The limit went below what the peer's encoder uses: it must say so first (RFC 7541 4.2). */
  #updateDue = false
  readonly #blocks = new ByteCache<HeaderBlock>(cachedBlocks)
  readonly #strings = new ByteCache<string>(cachedStrings)
  /** Generation after the last block: while blocks change the table there is nothing to look for. */
  #settled = -1

  // Of the block that is being decoded.
  #bytes: Buffer = scratch
  #at = 0
  #end = 0
  #list: string[] = []
  #size = 0
  #bits = 0
  #reason = ''

  constructor(options: HpackDecoderOptions = {}) {
    this.#limit = options.maxTableSize ?? 4096
    this.#table = new DecoderTable(Math.min(4096, this.#limit))
    this.#maxListSize = options.maxListSize ?? 16_384
    this.#abuseListSize = Math.max(
      options.abuseListSize ?? 16 * this.#maxListSize,
      this.#maxListSize,
    )
  }

  /** Bytes in the dynamic table, for tests and statistics. */
  get tableSize(): number {
    return this.#table.size
  }

  /**
   * Our SETTINGS_HEADER_TABLE_SIZE is in force: the peer has acknowledged it. A limit below the table's size must be
   * met by a size update at the start of the peer's next block.
   */
  setMaxTableSize(bytes: number): void {
    this.#limit = bytes
    this.#updateDue = bytes < this.#table.maxSize
  }

  /**
   * Decodes the block `bytes[start..end)`, all of it (with its CONTINUATIONs). Never throws; after COMPRESSION_FAILED
   * the decoder is of no use any more.
   */
  decode(bytes: Buffer, start: number, end: number): HeaderBlock {
    const generation = this.#table.generation
    const lookUp = generation === this.#settled && !this.#updateDue
    if (lookUp) {
      const known = this.#blocks.get(bytes, start, end, generation)
      if (known !== undefined) return known
    }
    this.#settled = generation
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#list = []
    this.#size = 0
    this.#bits = 0
    const failed = !this.#updates() || !this.#fields()
    const list = this.#list
    this.#list = noList
    this.#bytes = scratch
    if (failed) return new HeaderBlock(COMPRESSION_FAILED, noList, 0, 0, this.#reason)
    const changed = this.#table.generation !== generation
    if (changed) this.#settled = this.#table.generation
    if (this.#size > this.#maxListSize) {
      const verdict = this.#size > this.#abuseListSize ? LIST_ABUSE : LIST_TOO_LARGE
      return new HeaderBlock(verdict, noList, this.#size, 0, 'the header list is too large')
    }
    const block = new HeaderBlock(DECODED, list, this.#size, this.#bits)
    if (lookUp && !changed && this.#blocks.repeated) {
      Object.freeze(list)
      this.#blocks.set(bytes, start, end, generation, block)
    }
    return block
  }

  #fail(reason: string): boolean {
    this.#reason = reason
    return false
  }

  /** Table size updates: only before the first field, two at most (RFC 7541 4.2). */
  #updates(): boolean {
    let updates = 0
    while (this.#at < this.#end) {
      const first = this.#bytes[this.#at] as number
      if ((first & 0xe0) !== 0x20) break
      const size = this.#integer(0x1f)
      if (size < 0) return false
      if (size > this.#limit) return this.#fail('a table size above the agreed one')
      if (++updates > 2) return this.#fail('more than two table size updates')
      this.#table.resize(size)
    }
    if (this.#updateDue && this.#table.maxSize > this.#limit)
      return this.#fail('no table size update after the limit was lowered')
    this.#updateDue = false
    return true
  }

  #fields(): boolean {
    const table = this.#table
    const bytes = this.#bytes
    // What is an attack is not read to its end: the connection is over anyway.
    while (this.#at < this.#end && this.#size <= this.#abuseListSize) {
      const first = bytes[this.#at] as number
      if (first >= 0x80) {
        let index = first & 0x7f
        if (index < 0x7f) this.#at++
        else index = this.#integer(0x7f)
        if (index <= 0 || index > table.count) return this.#badIndex(index)
        this.#add(table.name(index), table.value(index), table.bits(index))
        continue
      }
      if (first >= 0x40) {
        if (!this.#literal(0x3f, true, false)) return false
      } else if (first >= 0x20) {
        return this.#fail('a table size update after a field')
      } else if (!this.#literal(0x0f, false, first >= 0x10)) return false
    }
    return true
  }

  #badIndex(index: number): boolean {
    return index < 0 ? false : this.#fail('an index that the table does not have')
  }

  #add(name: string, value: string, bits: number): void {
    this.#size += name.length + value.length + entryOverhead
    if (this.#size > this.#maxListSize) return
    this.#list.push(name, value)
    this.#bits = addField(this.#bits, bits)
  }

  #literal(mask: number, insert: boolean, secret: boolean): boolean {
    const index = this.#integer(mask)
    if (index < 0) return false
    if (index > this.#table.count) return this.#badIndex(index)
    let name: string
    let nameBits: number
    if (index === 0) {
      const text = this.#string(false)
      if (text === undefined) return false
      name = text
      nameBits = nameClass(name)
    } else {
      name = this.#table.name(index)
      nameBits = this.#table.nameBits(index)
    }
    const value = this.#string(secret)
    if (value === undefined) return false
    const bits = classifyValue(nameBits, value)
    this.#add(name, value, bits)
    if (insert) this.#table.insert(name, value, nameBits, bits)
    return true
  }

  /** An integer with a prefix of `mask` (RFC 7541 5.1), below 2^28 + 2^8; -1 when it is cut or larger. */
  #integer(mask: number): number {
    const bytes = this.#bytes
    let value = (bytes[this.#at++] as number) & mask
    if (value < mask) return value
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) {
        this.#reason = 'the block ends inside an integer'
        return -1
      }
      const byte = bytes[this.#at++] as number
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    this.#reason = 'an integer that is too large'
    return -1
  }

  /** A string (RFC 7541 5.2); undefined when it is malformed. Secrets are kept out of the cache. */
  #string(secret: boolean): string | undefined {
    if (this.#at >= this.#end) {
      this.#reason = 'the block ends before a string'
      return undefined
    }
    const bytes = this.#bytes
    const from = this.#at
    const huffman = (bytes[from] as number) >= 0x80
    const length = this.#integer(0x7f)
    if (length < 0) return undefined
    const start = this.#at
    const end = start + length
    if (end > this.#end) {
      this.#reason = 'the block ends inside a string'
      return undefined
    }
    this.#at = end
    if (length === 0) return ''
    if (secret || length > cachedString) return this.#text(huffman, start, end)
    // The length byte with its Huffman flag belongs to the key.
    const known = this.#strings.get(bytes, from, end, 0)
    if (known !== undefined) return known
    const text = this.#text(huffman, start, end)
    if (text !== undefined && this.#strings.repeated) this.#strings.set(bytes, from, end, 0, text)
    return text
  }

  #text(huffman: boolean, start: number, end: number): string | undefined {
    if (!huffman) return latin1(this.#bytes, start, end)
    const bound = huffmanBound(end - start)
    if (bound > scratch.length) scratch = Buffer.allocUnsafeSlow(2 * bound)
    const length = huffmanDecode(this.#bytes, start, end, scratch)
    if (length < 0) {
      this.#reason = 'a Huffman string with a wrong end'
      return undefined
    }
    return latin1(scratch, 0, length)
  }
}

const noList: string[] = []

/** What `toString('latin1')` calls after it has looked at its arguments; the types of Node leave it out. */
interface Latin1Bytes {
  latin1Slice(start: number, end: number): string
}

function latin1(bytes: Buffer, start: number, end: number): string {
  return (bytes as Buffer & Latin1Bytes).latin1Slice(start, end)
}
