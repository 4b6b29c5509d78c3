import { classifyValue, nameClass } from './field-class.ts'
import { staticCount, staticNames, staticValues } from './static-table.ts'

/** What RFC 7541 4.1 adds to the lengths of name and value. */
export const entryOverhead = 32

const staticNameBits: Int32Array = Int32Array.from(staticNames, nameClass)
const staticBits: Int32Array = staticNameBits.map((bits, index) =>
  classifyValue(bits, staticValues[index] as string),
)

/**
 * The table of a decoder (RFC 7541 2.3): static entries, then dynamic ones in a ring, newest first. Index 0 and those
 * above `count` must not be asked for.
 */
export class DecoderTable {
  #names: string[] = new Array<string>(16).fill('')
  #values: string[] = new Array<string>(16).fill('')
  #nameBits: Int32Array = new Int32Array(16)
  #bits: Int32Array = new Int32Array(16)
  /** Slot of the next entry. */
  #next = 0
  #entries = 0
  #size = 0
  #maxSize: number
  /** Changes with every insertion and eviction: while it is the same, equal bytes mean equal lists. */
  generation = 0

  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  /** The highest index. */
  get count(): number {
    return staticCount + this.#entries
  }

  get size(): number {
    return this.#size
  }

  get maxSize(): number {
    return this.#maxSize
  }

  name(index: number): string {
    if (index <= staticCount) return staticNames[index] as string
    return this.#names[this.#slot(index)] as string
  }

  value(index: number): string {
    if (index <= staticCount) return staticValues[index] as string
    return this.#values[this.#slot(index)] as string
  }

  /** Bits of the field, see field-class.ts. */
  bits(index: number): number {
    if (index <= staticCount) return staticBits[index] as number
    return this.#bits[this.#slot(index)] as number
  }

  /** Bits of the name alone, for a field with another value. */
  nameBits(index: number): number {
    if (index <= staticCount) return staticNameBits[index] as number
    return this.#nameBits[this.#slot(index)] as number
  }

  #slot(index: number): number {
    return (this.#next - (index - staticCount)) & (this.#names.length - 1)
  }

  /** Evicts what no longer fits. */
  resize(maxSize: number): void {
    this.#maxSize = maxSize
    this.generation++
    this.#evictTo(maxSize)
  }

  /** Adds the newest entry; one that is larger than the table empties it (RFC 7541 4.4). */
  insert(name: string, value: string, nameBits: number, bits: number): void {
    const size = name.length + value.length + entryOverhead
    this.generation++
    this.#evictTo(this.#maxSize - size)
    if (size > this.#maxSize) return
    if (this.#entries === this.#names.length) this.#grow()
    const slot = this.#next
    this.#names[slot] = name
    this.#values[slot] = value
    this.#nameBits[slot] = nameBits
    this.#bits[slot] = bits
    this.#next = (slot + 1) & (this.#names.length - 1)
    this.#entries++
    this.#size += size
  }

  #evictTo(size: number): void {
    while (this.#size > size && this.#entries > 0) {
      const slot = (this.#next - this.#entries) & (this.#names.length - 1)
      const name = this.#names[slot] as string
      const value = this.#values[slot] as string
      this.#size -= name.length + value.length + entryOverhead
      // Not to keep what is gone.
      this.#names[slot] = ''
      this.#values[slot] = ''
      this.#entries--
    }
  }

  /** Doubles the ring; the table's size in bytes bounds it. */
  #grow(): void {
    const old = this.#names.length
    const names = new Array<string>(2 * old).fill('')
    const values = new Array<string>(2 * old).fill('')
    const nameBits = new Int32Array(2 * old)
    const bits = new Int32Array(2 * old)
    for (let i = 0; i < old; i++) {
      const slot = (this.#next + i) & (old - 1)
      names[i] = this.#names[slot] as string
      values[i] = this.#values[slot] as string
      nameBits[i] = this.#nameBits[slot] as number
      bits[i] = this.#bits[slot] as number
    }
    this.#names = names
    this.#values = values
    this.#nameBits = nameBits
    this.#bits = bits
    this.#next = old
  }
}
