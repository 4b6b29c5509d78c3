import { type ByteRange, bytesId, inRange } from '../bytes.ts'

interface Entry {
  readonly range: ByteRange
  plain: number
  withPrev: number
}

/** The ranges that are being watched, each counted; tells of a key whether its events are wanted. */
export class WatchedRanges {
  readonly #keys = new Map<string, Entry>()
  readonly #spans = new Map<string, Entry>()

  get size(): number {
    return this.#keys.size + this.#spans.size
  }

  add(range: ByteRange, prevKv: boolean): void {
    const map = range.end === undefined ? this.#keys : this.#spans
    const id = rangeId(range)
    let entry = map.get(id)
    if (entry === undefined) map.set(id, (entry = { range, plain: 0, withPrev: 0 }))
    if (prevKv) entry.withPrev++
    else entry.plain++
  }

  remove(range: ByteRange, prevKv: boolean): void {
    const map = range.end === undefined ? this.#keys : this.#spans
    const id = rangeId(range)
    const entry = map.get(id)
    if (entry === undefined) return
    if (prevKv) entry.withPrev--
    else entry.plain--
    if (entry.plain + entry.withPrev === 0) map.delete(id)
  }

  /** `prev` when somebody also wants the pair before. */
  wanted(key: Uint8Array): 'no' | 'yes' | 'prev' {
    let answer: 'no' | 'yes' = 'no'
    const own = this.#keys.get(rangeId({ key }))
    if (own !== undefined) {
      if (own.withPrev > 0) return 'prev'
      answer = 'yes'
    }
    for (const entry of this.#spans.values()) {
      if (!inRange(entry.range, key)) continue
      if (entry.withPrev > 0) return 'prev'
      answer = 'yes'
    }
    return answer
  }
}

/** Equal for equal ranges. */
export function rangeId(range: ByteRange): string {
  const end = range.end === undefined ? '' : `-${bytesId(range.end)}`
  return `${range.key.length}:${bytesId(range.key)}${end}`
}
