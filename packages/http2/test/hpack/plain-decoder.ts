import { codeLengths, codes } from '../../src/hpack/huffman-code.ts'
import { staticNames, staticValues } from '../../src/hpack/static-table.ts'

const huffmanStrings = new Map<string, number>()
for (const [symbol, length] of codeLengths.entries())
  huffmanStrings.set((codes[symbol] as number).toString(2).padStart(length, '0'), symbol)

/** RFC 7541 read aloud: slow, without a thought for memory, to compare with. Throws where the block is malformed. */
export class PlainDecoder {
  #table: [name: string, value: string][] = []
  #maxSize = 4096
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0

  get tableSize(): number {
    return this.#table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0)
  }

  decode(bytes: Uint8Array): string[] {
    this.#bytes = bytes
    this.#at = 0
    const list: string[] = []
    let updates = 0
    while (this.#at < bytes.length) {
      const bits = (bytes[this.#at] as number).toString(2).padStart(8, '0')
      if (bits.startsWith('1')) list.push(...this.#entry(this.#integer(7)))
      else if (bits.startsWith('01')) {
        const field = this.#literal(6)
        list.push(...field)
        this.#table.unshift(field)
        this.#evict()
      } else if (bits.startsWith('001')) {
        if (list.length > 0 || ++updates > 2) throw new Error('update')
        const size = this.#integer(5)
        if (size > 4096) throw new Error('update above the limit')
        this.#maxSize = size
        this.#evict()
      } else list.push(...this.#literal(4))
    }
    return list
  }

  #evict(): void {
    while (this.tableSize > this.#maxSize) this.#table.pop()
  }

  #entry(index: number): [string, string] {
    if (index >= 1 && index <= 61)
      return [staticNames[index] as string, staticValues[index] as string]
    const entry = this.#table[index - 62]
    if (index === 0 || entry === undefined) throw new Error('index')
    return entry
  }

  #literal(prefix: number): [string, string] {
    const index = this.#integer(prefix)
    const name = index === 0 ? this.#string() : this.#entry(index)[0]
    return [name, this.#string()]
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new Error('end')
    return byte
  }

  #integer(prefix: number): number {
    const mask = 2 ** prefix - 1
    let value = this.#byte() & mask
    if (value < mask) return value
    for (let i = 0; i < 4; i++) {
      const byte = this.#byte()
      value += (byte & 0x7f) * 128 ** i
      if (byte < 0x80) return value
    }
    throw new Error('integer')
  }

  #string(): string {
    const huffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0
    const length = this.#integer(7)
    const end = this.#at + length
    if (end > this.#bytes.length) throw new Error('string')
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    if (!huffman) return Buffer.from(bytes).toString('latin1')
    let text = ''
    let code = ''
    for (const bit of Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')) {
      code += bit
      const symbol = huffmanStrings.get(code)
      if (symbol === undefined) continue
      if (symbol === 256) throw new Error('end of string')
      text += String.fromCharCode(symbol)
      code = ''
    }
    if (code.length > 7 || code.includes('0')) throw new Error('padding')
    return text
  }
}
