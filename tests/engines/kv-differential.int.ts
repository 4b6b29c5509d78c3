/**
 * The embedded key-value engine against etcd itself: the same random commands to both, every answer compared. etcd is
 * asked through its JSON gateway, which says all that the gRPC API says.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createSeededRandom, TidemillError } from '@tidemill/core'
import {
  type Change,
  type Compare,
  compare,
  type Key,
  type KeyRange,
  type KeyValue,
  type Kv,
  type Op,
  op,
  openKv,
  type OpResult,
} from '@tidemill/kv'
import { needs, start } from '../../scripts/engines/require.ts'

type Json = Readonly<Record<string, unknown>>

const everything = { key: '\0', end: '\0' }
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
/** Protobuf's JSON leaves zeros out and writes 64-bit numbers as text. */
const number = (value: unknown): string => (typeof value === 'string' ? value : '0')
const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as Json[]) : [])

async function post(url: string, body: Json): Promise<Json> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  const answer = (await response.json()) as Json
  return response.ok ? answer : { refused: [answer['code'], answer['message']] }
}

function wireRange({ key, end }: { readonly key: Uint8Array; readonly end?: Uint8Array }): Json {
  if (end === undefined) return { key: base64(key) }
  return { key: base64(key), range_end: end.length === 0 ? 'AA==' : base64(end) }
}

const results = { '=': 'EQUAL', '!=': 'NOT_EQUAL', '>': 'GREATER', '<': 'LESS' }
const fields = {
  version: 'version',
  create: 'create_revision',
  mod: 'mod_revision',
  lease: 'lease',
  value: 'value',
}

function wireCompare(item: Compare): Json {
  const value = item.target === 'value' ? base64(item.value) : String(item.value)
  return {
    ...wireRange(item.range),
    result: results[item.result],
    target: item.target.toUpperCase(),
    [fields[item.target]]: value,
  }
}

/** The operation as etcd's message. */
function wire(item: Op): Json {
  switch (item.kind) {
    case 'put':
      return {
        key: base64(item.key),
        value: base64(item.value),
        lease: String(item.lease),
        prev_kv: item.prevKv,
        ignore_value: item.ignoreValue,
        ignore_lease: item.ignoreLease,
      }
    case 'delete':
      return { ...wireRange(item.range), prev_kv: item.prevKv }
    case 'range':
      return {
        ...wireRange(item.range),
        revision: item.revision,
        limit: item.limit,
        sort_order: item.order.toUpperCase(),
        sort_target: item.sortBy.toUpperCase(),
        keys_only: item.keysOnly,
        count_only: item.countOnly,
        min_mod_revision: item.minMod,
        max_mod_revision: item.maxMod,
        min_create_revision: item.minCreate,
        max_create_revision: item.maxCreate,
      }
    case 'txn':
      return {
        compare: item.compare.map(wireCompare),
        success: item.success.map(wireOp),
        failure: item.failure.map(wireOp),
      }
  }
}

const requests = {
  put: 'request_put',
  delete: 'request_delete_range',
  range: 'request_range',
  txn: 'request_txn',
}
const wireOp = (item: Op): Json => ({ [requests[item.kind]]: wire(item) })

/** A pair in the form in which the two sides are compared. */
function pair(kv: KeyValue | undefined): unknown {
  if (kv === undefined) return undefined
  const { key, value, createRevision, modRevision, version, lease } = kv
  return [base64(key), base64(value), ...[createRevision, modRevision, version, lease].map(String)]
}

function etcdPair(kv: unknown): unknown {
  if (kv === undefined) return undefined
  const { key, value = '', create_revision, mod_revision, version, lease } = kv as Json
  return [key ?? '', value, ...[create_revision, mod_revision, version, lease].map(number)]
}

function answerOf(result: OpResult): unknown {
  switch (result.kind) {
    case 'put':
      return ['put', pair(result.prev)]
    case 'delete':
      return ['delete', String(result.deleted), result.prevs.map(pair)]
    case 'range':
      return ['range', result.kvs.map(pair), result.more, String(result.count)]
    case 'txn':
      return ['txn', result.succeeded, result.results.map(answerOf)]
  }
}

function etcdAnswer(kind: Op['kind'], answer: Json): unknown {
  switch (kind) {
    case 'put':
      return ['put', etcdPair(answer['prev_kv'])]
    case 'delete':
      return ['delete', number(answer['deleted']), list(answer['prev_kvs']).map(etcdPair)]
    case 'range': {
      const { more = false, count } = answer
      return ['range', list(answer['kvs']).map(etcdPair), more, number(count)]
    }
    case 'txn': {
      const inner = list(answer['responses']).map((one) => {
        const [name, response] = Object.entries(one)[0] ?? []
        const [found] = Object.entries(requests).find(
          ([, request]) => request.replace('request', 'response') === name,
        ) ?? ['range']
        return etcdAnswer(found as Op['kind'], response as Json)
      })
      return ['txn', answer['succeeded'] ?? false, inner]
    }
  }
}

/** Runs one call; a refusal is an answer too. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call
  } catch (error) {
    if (!TidemillError.is(error) || error.details['grpcCode'] === undefined) throw error
    return { refused: [error.details['grpcCode'], error.details['etcdMessage']] }
  }
}

/** Both stores, asked the same. */
class Pair {
  readonly kv: Kv
  readonly #url: string
  revision = 1
  asked = 0

  constructor(kv: Kv, url: string) {
    this.kv = kv
    this.#url = `${url}/v3/`
  }

  async same(
    what: unknown,
    ours: Promise<unknown>,
    path: string,
    body: Json,
    read: (answer: Json) => unknown,
  ): Promise<void> {
    const [mine, answer] = await Promise.all([outcome(ours), post(this.#url + path, body)])
    const theirs = answer['refused'] === undefined ? read(answer) : answer
    this.asked++
    assert.deepEqual(mine, theirs, `command ${this.asked}: ${text(what)}`)
  }

  /** An operation as a transaction of its own kind: revision and answer. */
  async run(item: Op): Promise<void> {
    const path = { put: 'kv/put', delete: 'kv/deleterange', range: 'kv/range', txn: 'kv/txn' }
    const send = async (): Promise<unknown> => {
      const result = await this.#call(item)
      this.revision = result.revision
      return [String(result.revision), answerOf(result)]
    }
    await this.same(item, send(), path[item.kind], wire(item), (answer) => [
      number((answer['header'] as Json)['revision']),
      etcdAnswer(item.kind, answer),
    ])
  }

  async #call(item: Op): Promise<OpResult> {
    const { kv } = this
    switch (item.kind) {
      case 'put': {
        const { key, value, lease, prevKv, ignoreValue, ignoreLease } = item
        return {
          kind: 'put',
          ...(await kv.put(key, value, { lease, prevKv, ignoreValue, ignoreLease })),
        }
      }
      case 'delete':
        return { kind: 'delete', ...(await kv.delete(span(item.range), { prevKv: item.prevKv })) }
      case 'range': {
        const { revision, limit, sortBy, order, keysOnly, countOnly } = item
        const options = {
          revision,
          limit,
          sortBy,
          keysOnly,
          countOnly,
          ...(order === 'none' ? {} : { order }),
          minModRevision: item.minMod,
          maxModRevision: item.maxMod,
          minCreateRevision: item.minCreate,
          maxCreateRevision: item.maxCreate,
        }
        return { kind: 'range', ...(await kv.range(span(item.range), options)) }
      }
      case 'txn':
        return { kind: 'txn', ...(await kv.txn(item).commit()) }
    }
  }

  async compact(revision: number, physical: boolean): Promise<void> {
    const ours = this.kv.compact(revision, { physical }).then(() => 'done')
    const body = { revision, physical }
    await this.same(['compact', revision], ours, 'kv/compaction', body, () => 'done')
  }

  async grant(id: bigint, ttl: number): Promise<void> {
    const ours = this.kv.leases
      .grant(ttl, { id })
      .then((lease) => [String(lease.id), String(lease.ttl)])
    const body = { ID: String(id), TTL: ttl }
    await this.same(['grant', ttl], ours, 'lease/grant', body, ({ ID, TTL }) => [ID, number(TTL)])
  }

  async revoke(id: bigint): Promise<void> {
    const ours = this.kv.leases.revoke(id).then(({ revision }) => {
      this.revision = revision
      return String(revision)
    })
    const read = ({ header }: Json): unknown => (header as Json)['revision']
    await this.same(['revoke', id], ours, 'lease/revoke', { ID: String(id) }, read)
  }

  /** Keys and granted TTL of a lease; what is left of it depends on the second. */
  async lease(id: bigint): Promise<void> {
    const ours = this.kv.leases
      .timeToLive(id, { keys: true })
      .then((about) => [about.ttl < 0, String(about.grantedTtl), about.keys.map(base64).toSorted()])
    const body = { ID: String(id), keys: true }
    await this.same(['lease', id], ours, 'lease/timetolive', body, (about) => [
      number(about['TTL']) === '-1',
      number(about['grantedTTL']),
      (list(about['keys']) as unknown as string[]).toSorted(),
    ])
  }

  /** The log of a range from a revision on, read by a watch; ends with the put of `last`. */
  async history(range: KeyRange, from: number, last: number): Promise<void> {
    const ours = async (): Promise<unknown> => {
      const events: unknown[] = []
      const watch = this.kv.watch(range, {
        from,
        prevKv: true,
        delivery: 'each',
        onCompacted: 'error',
      })
      try {
        for await (const batch of watch) {
          events.push(...batch.changes.map(eventOf))
          if (batch.revision >= last) break
        }
      } catch (error) {
        if (!TidemillError.is(error, 'TM_KV_COMPACTED')) throw error
        return ['compacted', String(error.details['compacted'])]
      }
      return events
    }
    const { range: bytes } = op.range(range)
    const create = { ...wireRange(bytes), start_revision: from, prev_kv: true }
    const [mine, theirs] = await Promise.all([ours(), this.#etcdHistory(create, last)])
    assert.deepEqual(mine, theirs, `watch ${text(range)} from ${from}`)
  }

  async #etcdHistory(create: Json, last: number): Promise<unknown> {
    const stop = new AbortController()
    const body = JSON.stringify({ create_request: create })
    const options = { method: 'POST', body, signal: stop.signal }
    const response = await fetch(`${this.#url}watch`, options)
    const events: unknown[] = []
    let rest = ''
    try {
      for await (const chunk of response.body ?? []) {
        rest += Buffer.from(chunk as Uint8Array).toString()
        const lines = rest.split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          const { result } = JSON.parse(line) as { readonly result: Json }
          if (result['canceled'] === true) return ['compacted', result['compact_revision']]
          for (const event of list(result['events'])) {
            events.push([event['type'] ?? 'PUT', etcdPair(event['kv']), etcdPair(event['prev_kv'])])
            if (number((event['kv'] as Json)['mod_revision']) === String(last)) return events
          }
        }
      }
    } finally {
      stop.abort()
    }
    return events
  }
}

function eventOf({ type, key, kv, prev, revisions }: Change): unknown {
  const gone = [base64(key), '', '0', String(revisions[1]), '0', '0']
  return [type.toUpperCase(), kv === undefined ? gone : pair(kv), pair(prev)]
}

function span({ key, end }: { readonly key: Uint8Array; readonly end?: Uint8Array }): KeyRange {
  if (end === undefined) return key
  return { key, end: end.length === 0 ? '\0' : end }
}

const text = (what: unknown): string =>
  JSON.stringify(what, (_, value: unknown) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString()
    return typeof value === 'bigint' ? String(value) : value
  })

const keys = ['a', 'a\0', 'aa', 'b', 'ba', 'c', '\xff']
const leases = [7n, 0x7bcd_ef01_2345_6789n, 42n]
const orders = ['ascend', 'descend', undefined] as const
const targets = ['key', 'version', 'create', 'mod', 'value'] as const
const signs = ['=', '!=', '>', '<'] as const

/** Commands at random, the same for the same seed. */
function chooser(seed: number): (revision: number) => {
  readonly op: () => Op
  readonly pick: Pick
  readonly revision: () => number
} {
  const random = createSeededRandom(seed)
  const below = (n: number): number => random.integer(n)
  const pick: Pick = (items) => items[below(items.length)] as never
  const chance = (share: number): boolean => random.next() < share
  const key = (): Key => (chance(0.01) ? '' : pick(keys))
  const range = (): KeyRange => {
    if (chance(0.4)) return key()
    return { key: key(), end: chance(0.25) ? '\0' : pick(keys) }
  }
  return (current) => {
    const revision = (): number => Math.max(0, current + 1 - below(12))
    const bound = (): number => (chance(0.15) ? revision() : 0)
    const put = (): Op => {
      const [ignoreValue, ignoreLease] = [chance(0.05), chance(0.05)]
      const lease = chance(0.2) ? pick(leases) : 0n
      const value = ignoreValue && chance(0.8) ? '' : pick(['', 'x', 'y', 'z'])
      return op.put(key(), value, { lease, prevKv: chance(0.3), ignoreValue, ignoreLease })
    }
    const read = (): Op => {
      const order = pick(orders)
      return op.range(range(), {
        revision: chance(0.4) ? revision() : 0,
        limit: chance(0.4) ? below(4) : 0,
        sortBy: pick(targets),
        ...(order === undefined ? {} : { order }),
        keysOnly: chance(0.2),
        countOnly: chance(0.1),
        minModRevision: bound(),
        maxModRevision: bound(),
        minCreateRevision: bound(),
        maxCreateRevision: bound(),
      })
    }
    const condition = (): Compare => {
      const [where, sign] = [range(), pick(signs)]
      switch (pick(['version', 'create', 'mod', 'value', 'lease'])) {
        case 'version':
          return compare.version(where, sign, below(4))
        case 'create':
          return compare.create(where, sign, bound())
        case 'mod':
          return compare.mod(where, sign, revision())
        case 'value':
          return compare.value(where, sign, pick(['', 'x', 'y']))
        default:
          return compare.lease(where, sign, chance(0.5) ? 0n : pick(leases))
      }
    }
    const some = <T>(most: number, make: () => T): T[] =>
      Array.from({ length: below(most + 1) }, make)
    const operation = (depth: number): Op => {
      const kind = random.next()
      if (kind < 0.4) return put()
      if (kind < 0.55) return op.delete(range(), { prevKv: chance(0.5) })
      if (kind < 0.75 || depth === 0) return read()
      const branch = (): Op[] => some(3, () => operation(depth - 1))
      return op.txn({ compare: some(2, condition), success: branch(), failure: branch() })
    }
    return { op: () => operation(3), pick, revision }
  }
}

/**
 * etcd 3.6.8 checks that a put with ignore_value has its key before the transaction, and panics when a delete without
 * upper bound has taken the key away inside it (the embedded store refuses: TM_KV_KEY_NOT_FOUND).
 */
function endsEtcd(item: Op): boolean {
  const all = operations(item)
  const ignores = all.some((one) => one.kind === 'put' && (one.ignoreValue || one.ignoreLease))
  return ignores && all.some((one) => one.kind === 'delete' && one.range.end?.length === 0)
}

const operations = (item: Op): Op[] =>
  item.kind === 'txn' ? [...item.success, ...item.failure].flatMap(operations) : [item]

type Pick = <T>(items: readonly T[]) => T

async function both(t: TestContext): Promise<Pair> {
  const etcd = await start(t, 'etcd')
  const kv = await openKv({ url: 'sqlite::memory:', history: 'all' })
  t.after(() => kv.close())
  return new Pair(kv, etcd.url)
}

for (const seed of [1, 2]) {
  test(`the embedded store answers as etcd does, seed ${seed}`, needs('etcd'), async (t) => {
    const stores = await both(t)
    const choose = chooser(seed)
    for (const id of leases.slice(0, 2)) await stores.grant(id, 1000)
    for (let i = 1; i <= 1200; i++) {
      const { op: next, pick, revision } = choose(stores.revision)
      const command = next()
      if (!endsEtcd(command)) await stores.run(command)
      if (i % 20 === 0) {
        await stores.grant(pick(leases), pick([1000, 9_000_000_001]))
        await stores.lease(pick(leases))
      }
      if (i % 50 === 0) await stores.revoke(pick(leases))
      if (i % 30 === 0) await stores.compact(revision(), pick([true, false]))
      if (i % 200 !== 0) continue
      // A key inside every range that is read below ends each watch.
      await stores.run(op.put('b', 'last'))
      const last = stores.revision
      for (let back = 0; back < 40; back += 9) {
        const from = Math.max(1, last - back)
        await stores.history(everything, from, last)
        await stores.history(
          pick(['b', { key: 'a', end: 'c' }, { key: 'aa', end: '\0' }]),
          from,
          last,
        )
      }
    }
  })
}

test('corners that chance rarely finds are etcd’s too', needs('etcd'), async (t) => {
  const stores = await both(t)
  for (const ttl of [-1, 0, 1, 2, 3]) {
    await stores.grant(BigInt(100 + ttl), ttl)
    await stores.lease(BigInt(100 + ttl))
  }
  await stores.grant(200n, 1000)
  await stores.grant(200n, 5)
  await stores.revoke(999n)
  const puts = (count: number): Op[] => Array.from({ length: count }, (_, i) => op.put(`n${i}`, ''))
  const nest = (inner: Op[]): Op => op.txn({ success: inner })
  const put = op.put('k', 'v')
  const gone = op.delete('k')
  const all = op.delete({ key: 'a', end: '\0' })
  const groups: Op[][] = [
    [put, put],
    [put, gone],
    [gone, gone],
    [put, all],
    [all, put],
    [op.delete(everything), put],
    [put, nest([gone])],
    [nest([gone]), put],
    [nest([put]), nest([gone])],
    [nest([gone]), nest([put])],
    [nest([put]), nest([op.delete({ key: 'a', end: 'z' })])],
    [all, nest([put])],
    [nest([all]), put, op.range('k')],
    [op.txn({ compare: [compare.missing('k')], success: [put], failure: [put] })],
    [op.delete({ key: 'z', end: 'a' }), put],
    puts(128),
    puts(129),
    [nest(puts(127))],
    [nest(puts(128))],
    [op.put('big', new Uint8Array(1_572_851))],
  ]
  for (const success of groups) {
    await stores.run(op.txn({ success }))
    await stores.run(op.range(everything))
  }
  for (const size of [1_572_840, 1_572_841, 1_572_842, 1_572_843, 1_572_844, 1_572_845]) {
    await stores.run(op.put('big', new Uint8Array(size)))
  }
  await stores.run(op.put('k', 'last'))
  const last = stores.revision
  for (let from = 1; from <= last; from++) await stores.history('k', from, last)
  for (let revision = last; revision > 0; revision -= 2) {
    await stores.run(op.range(everything, { revision, keysOnly: true }))
  }
  for (const revision of [0, 5, 5, 4, last + 1]) await stores.compact(revision, true)
  // Not where a key was put and deleted at one revision: etcd 3.6.8 ends when that is read after its compaction.
  for (const revision of [6, 7, last]) {
    await stores.compact(revision, true)
    await stores.history('k', revision - 1, last)
    await stores.history('k', revision, last)
  }
})
