import type { ByteRange, Compare, Event, KeyValue, Op } from '@tidemill/kv'

type State = ReadonlyMap<string, KeyValue>

const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex')

/** etcd's rules over plain arrays: slow, obvious, and written independently of the store. */
export class Model {
  readonly log: Event[] = []
  revision = 1
  compacted = -1

  /** Living keys after the last event of `revision`, in key order. */
  stateAt(revision: number): State {
    const state = new Map<string, KeyValue>()
    for (const { type, kv } of this.log) {
      if (kv.modRevision > revision) break
      if (type === 'put') state.set(hex(kv.key), kv)
      else state.delete(hex(kv.key))
    }
    return new Map([...state].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** What a range read answers: the pairs, or the code of the refusal. */
  range(range: ByteRange, revision: number): KeyValue[] | string {
    if (revision > this.revision) return 'TM_KV_FUTURE'
    if (revision !== 0 && revision < this.compacted) return 'TM_KV_COMPACTED'
    return select(this.stateAt(revision === 0 ? Number.POSITIVE_INFINITY : revision), range)
  }

  /** Applies a write; its result is what changed. */
  write(op: Op): void {
    const before = this.stateAt(Number.POSITIVE_INFINITY)
    const events: Event[] = []
    this.#apply(op, before, events)
    if (events.length > 0) this.revision++
    this.log.push(...events)
  }

  compact(revision: number): string | undefined {
    if (revision <= this.compacted) return 'TM_KV_COMPACTED'
    if (revision > this.revision) return 'TM_KV_FUTURE'
    this.compacted = revision
    return undefined
  }

  history(range: ByteRange, from: number): Event[] {
    return this.log.filter(
      ({ kv }, at) =>
        kv.modRevision >= from &&
        select(new Map([['', kv]]), range).length === 1 &&
        // Of a key that changed twice at the compaction revision, only the last change is kept.
        (kv.modRevision !== this.compacted || !this.#changesAgain(kv, at)),
    )
  }

  #changesAgain({ key, modRevision }: KeyValue, at: number): boolean {
    return this.log.some(
      ({ kv }, later) => later > at && kv.modRevision === modRevision && hex(kv.key) === hex(key),
    )
  }

  #apply(op: Op, before: State, events: Event[]): void {
    const revision = this.revision + 1
    const now = new Map(before)
    for (const { type, kv } of events) {
      if (type === 'put') now.set(hex(kv.key), kv)
      else now.delete(hex(kv.key))
    }
    if (op.kind === 'put') {
      const old = now.get(hex(op.key))
      const kv = {
        key: op.key,
        value: op.value,
        createRevision: old?.createRevision ?? revision,
        modRevision: revision,
        version: (old?.version ?? 0) + 1,
        lease: 0n,
      }
      events.push({ type: 'put', kv })
    } else if (op.kind === 'delete') {
      const sorted = [...now].toSorted(([a], [b]) => (a < b ? -1 : 1))
      for (const { key } of select(new Map(sorted), op.range)) {
        const kv = {
          key,
          value: new Uint8Array(0),
          createRevision: 0,
          modRevision: revision,
          version: 0,
          lease: 0n,
        }
        events.push({ type: 'delete', kv })
      }
    } else if (op.kind === 'txn') {
      const branch = op.compare.every((item) => holds(item, before)) ? op.success : op.failure
      for (const item of branch) this.#apply(item, before, events)
    }
  }
}

function select(state: State, range: ByteRange): KeyValue[] {
  const from = hex(range.key)
  return [...state.values()].filter(({ key }) => {
    const id = hex(key)
    if (range.end === undefined) return id === from
    return id >= from && (range.end.length === 0 || id < hex(range.end))
  })
}

function holds(item: Compare, state: State): boolean {
  const found = select(state, item.range)
  if (found.length === 0 && item.target === 'value') return false
  const kvs: Partial<KeyValue>[] = found.length > 0 ? found : [{}]
  return kvs.every((kv) => {
    const [left, right] =
      item.target === 'value'
        ? [hex(kv.value ?? new Uint8Array()), hex(item.value)]
        : item.target === 'version'
          ? [kv.version ?? 0, item.value]
          : item.target === 'create'
            ? [kv.createRevision ?? 0, item.value]
            : item.target === 'mod'
              ? [kv.modRevision ?? 0, item.value]
              : [kv.lease ?? 0n, item.value]
    if (item.result === '=') return left === right
    if (item.result === '!=') return left !== right
    return item.result === '>' ? left > right : left < right
  })
}
