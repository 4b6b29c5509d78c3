import { entryOverhead } from './decoder-table.ts'
import { ADAPT, fieldPolicies, type FieldPolicy } from './field-policy.ts'
import { staticCount, staticNames, staticValues } from './static-table.ts'

/** What an encoder knows of one name. */
export class KnownName {
  readonly name: string
  readonly policy: FieldPolicy
  /** Lowest index in the static table, 0 when it has none. */
  readonly staticIndex: number
  /** Static index by value; undefined when no entry has a value. */
  readonly staticByValue: ReadonlyMap<string, number> | undefined
  /** Serial of the live dynamic entry by value. */
  readonly byValue: Map<string, number> = new Map()
  /** The entry that was found last. */
  lastValue = ''
  lastSerial = -1
  /** Serial of the newest entry of this name. */
  newest = -1

  constructor(
    name: string,
    policy: FieldPolicy,
    staticIndex: number,
    staticByValue: ReadonlyMap<string, number> | undefined,
  ) {
    this.name = name
    this.policy = policy
    this.staticIndex = staticIndex
    this.staticByValue = staticByValue
  }
}

interface StaticName {
  readonly index: number
  readonly byValue: Map<string, number>
}
const staticByName = new Map<string, StaticName>()
for (let index = 1; index <= staticCount; index++) {
  const name = staticNames[index] as string
  const value = staticValues[index] as string
  let known = staticByName.get(name)
  if (known === undefined) staticByName.set(name, (known = { index, byValue: new Map() }))
  if (value !== '') known.byValue.set(value, index)
}

/** Names that no entry has and no table knows are forgotten when there are so many. */
const mostNames = 512

/** The table of an encoder: what the peer's decoder has, found by name and value. */
export class EncoderTable {
  readonly #known = new Map<string, KnownName>()
  #names: (KnownName | undefined)[] = new Array<KnownName | undefined>(16).fill(undefined)
  #values: string[] = new Array<string>(16).fill('')
  /** Serial of the next entry; entries are numbered through, the live ones are the last `#entries`. */
  #serial = 0
  #entries = 0
  #size = 0
  #maxSize: number
  /** Changes with every insertion and eviction: while it is the same, equal lists give equal bytes. */
  generation = 0

  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  get size(): number {
    return this.#size
  }

  get maxSize(): number {
    return this.#maxSize
  }

  known(name: string): KnownName {
    return this.#known.get(name) ?? this.#meet(name)
  }

  #meet(name: string): KnownName {
    if (this.#known.size >= mostNames) this.#forget()
    const fixed = staticByName.get(name)
    const byValue = fixed === undefined || fixed.byValue.size === 0 ? undefined : fixed.byValue
    const policy = fieldPolicies.get(name) ?? ADAPT
    const known = new KnownName(name, policy, fixed?.index ?? 0, byValue)
    this.#known.set(name, known)
    return known
  }

  #forget(): void {
    for (const [name, known] of this.#known)
      if (known.byValue.size === 0 && !fieldPolicies.has(name)) this.#known.delete(name)
  }

  /** Index of the whole field; 0 when no table has it. */
  fieldIndex(known: KnownName, value: string): number {
    const oldest = this.#serial - this.#entries
    if (known.lastSerial >= oldest && known.lastValue === value)
      return staticCount + this.#serial - known.lastSerial
    const fixed = known.staticByValue?.get(value)
    if (fixed !== undefined) return fixed
    if (known.byValue.size === 0) return 0
    const serial = known.byValue.get(value)
    if (serial === undefined) return 0
    known.lastValue = value
    known.lastSerial = serial
    return staticCount + this.#serial - serial
  }

  /** An index that has the name; 0 when no table has it. */
  nameIndex(known: KnownName): number {
    if (known.staticIndex > 0) return known.staticIndex
    if (known.newest < this.#serial - this.#entries) return 0
    return staticCount + this.#serial - known.newest
  }

  /** Whether an entry of that size is worth what it evicts. */
  takes(name: string, value: string): boolean {
    return name.length + value.length + entryOverhead <= this.#maxSize >>> 1
  }

  insert(known: KnownName, value: string): void {
    const size = known.name.length + value.length + entryOverhead
    this.generation++
    this.#evictTo(this.#maxSize - size)
    if (this.#entries === this.#names.length) this.#grow()
    const serial = this.#serial++
    const slot = serial & (this.#names.length - 1)
    this.#names[slot] = known
    this.#values[slot] = value
    this.#entries++
    this.#size += size
    known.byValue.set(value, serial)
    known.newest = serial
    known.lastValue = value
    known.lastSerial = serial
  }

  resize(maxSize: number): void {
    this.#maxSize = maxSize
    this.generation++
    this.#evictTo(maxSize)
  }

  #evictTo(size: number): void {
    while (this.#size > size && this.#entries > 0) {
      const serial = this.#serial - this.#entries
      const slot = serial & (this.#names.length - 1)
      const known = this.#names[slot] as KnownName
      const value = this.#values[slot] as string
      this.#size -= known.name.length + value.length + entryOverhead
      if (known.byValue.get(value) === serial) known.byValue.delete(value)
      this.#names[slot] = undefined
      this.#values[slot] = ''
      this.#entries--
    }
  }

  #grow(): void {
    const old = this.#names.length
    const names = new Array<KnownName | undefined>(2 * old).fill(undefined)
    const values = new Array<string>(2 * old).fill('')
    for (let serial = this.#serial - this.#entries; serial < this.#serial; serial++) {
      names[serial & (2 * old - 1)] = this.#names[serial & (old - 1)]
      values[serial & (2 * old - 1)] = this.#values[serial & (old - 1)] as string
    }
    this.#names = names
    this.#values = values
  }
}
