import {
  compareEntries,
  conditionsHold,
  type RouteEntry,
  type RouterRequest,
} from './route-entry.ts'

/** All the entries of one path text in order of precedence, which puts exact ones before prefixes. */
interface PathNode<Target> {
  readonly path: string
  readonly hash: number
  /** The first of `entries`, most often the only one: kept here to spare fetching the list. */
  first: RouteEntry<Target>
  entries: readonly RouteEntry<Target>[]
  next: PathNode<Target> | undefined
}

/**
 * The hashes of a request's path at each segment end, computed in one pass. Looking up a prefix by hash
 * instead of by a slice of the path allocates nothing, and one pass serves every hostname's bucket.
 */
export interface PathHashes {
  path: string
  /** Hash of the whole path. */
  whole: number
  /** How many segment ends are noted. */
  ends: number
  readonly at: Int32Array
  readonly hash: Int32Array
}

/** A route's path has at most 1,024 characters (httproute_types.go), so later segment ends cannot matter. */
const longestPath = 1024
const slash = 47

export function createPathHashes(): PathHashes {
  const size = longestPath + 2
  return { path: '', whole: 0, ends: 0, at: new Int32Array(size), hash: new Int32Array(size) }
}

/** Fills `hashes` for a path; the end of the path itself is not among the segment ends. */
export function hashPath(hashes: PathHashes, path: string): void {
  let hash = 0
  let ends = 0
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i)
    if (c === slash && i > 0 && i <= longestPath) {
      hashes.at[ends] = i
      hashes.hash[ends] = hash
      ends++
    }
    hash = (Math.imul(hash, 31) + c) | 0
  }
  hashes.path = path
  hashes.whole = hash
  hashes.ends = ends
}

function hashOf(path: string): number {
  let hash = 0
  for (let i = 0; i < path.length; i++) hash = (Math.imul(hash, 31) + path.charCodeAt(i)) | 0
  return hash
}

/**
 * Paths by hash in a chained table. Most lookups are of prefixes that no route has. A byte beside each
 * slot says which hashes its chain may hold, so such a miss reads that byte and nothing else: the bytes
 * of 10,000 routes stay in the cache, their nodes do not (`bench router`).
 */
class PathIndex<Target> {
  #slots: (PathNode<Target> | undefined)[] = Array.from({ length: 16 })
  #marks = new Uint8Array(16)
  #size = 0

  find(path: string, end: number, hash: number): PathNode<Target> | undefined {
    const slot = slotOf(hash, this.#marks.length)
    if (((this.#marks[slot] as number) & markOf(hash)) === 0) return undefined
    let node = this.#slots[slot]
    while (
      node !== undefined &&
      !(node.hash === hash && node.path.length === end && path.startsWith(node.path))
    ) {
      node = node.next
    }
    return node
  }

  add(entry: RouteEntry<Target>): void {
    const path = entry.pathValue
    const hash = hashOf(path)
    let node = this.find(path, path.length, hash)
    if (node === undefined) {
      if (this.#size >= this.#slots.length / 2) this.#grow()
      const slot = slotOf(hash, this.#slots.length)
      node = { path, hash, first: entry, entries: [], next: this.#slots[slot] }
      this.#slots[slot] = node
      this.#mark(slot)
      this.#size++
    }
    node.entries = withEntry(node.entries, entry)
    node.first = node.entries[0] as RouteEntry<Target>
  }

  remove(entry: RouteEntry<Target>): void {
    const path = entry.pathValue
    const hash = hashOf(path)
    const node = this.find(path, path.length, hash)
    if (node === undefined) return
    node.entries = withoutEntry(node.entries, entry)
    const [first] = node.entries
    if (first !== undefined) {
      node.first = first
      return
    }
    const slot = slotOf(hash, this.#slots.length)
    const head = this.#slots[slot]
    if (head === node) this.#slots[slot] = node.next
    for (let before = head; before !== undefined; before = before.next) {
      if (before.next === node) before.next = node.next
    }
    this.#mark(slot)
    this.#size--
  }

  get size(): number {
    return this.#size
  }

  *nodes(): Generator<PathNode<Target>> {
    for (const first of this.#slots) {
      for (let node = first; node !== undefined; node = node.next) yield node
    }
  }

  #grow(): void {
    const nodes = [...this.nodes()]
    const length = this.#slots.length * 2
    this.#slots = Array.from({ length })
    this.#marks = new Uint8Array(length)
    for (const node of nodes) {
      const slot = slotOf(node.hash, length)
      node.next = this.#slots[slot]
      this.#slots[slot] = node
      this.#mark(slot)
    }
  }

  #mark(slot: number): void {
    let marks = 0
    for (let node = this.#slots[slot]; node !== undefined; node = node.next) {
      marks |= markOf(node.hash)
    }
    this.#marks[slot] = marks
  }
}

/** One bit of eight, from the part of the hash that does not choose the slot. */
function markOf(hash: number): number {
  return 1 << (hash >>> 29)
}

/** The table's length is a power of two; the upper half of the hash is mixed into the bits that count. */
function slotOf(hash: number, length: number): number {
  return (hash ^ (hash >>> 15)) & (length - 1)
}

/** The entries of one priority: exact paths, then expressions, then prefixes from long to short. */
class Tier<Target> {
  readonly priority: number
  readonly #paths = new PathIndex<Target>()
  #regex: readonly RouteEntry<Target>[] = []

  constructor(priority: number) {
    this.priority = priority
  }

  get empty(): boolean {
    return this.#paths.size === 0 && this.#regex.length === 0
  }

  add(entry: RouteEntry<Target>): void {
    if (entry.pathType === 'RegularExpression') this.#regex = withEntry(this.#regex, entry)
    else this.#paths.add(entry)
  }

  remove(entry: RouteEntry<Target>): void {
    if (entry.pathType === 'RegularExpression') this.#regex = withoutEntry(this.#regex, entry)
    else this.#paths.remove(entry)
  }

  match(request: RouterRequest, hashes: PathHashes): RouteEntry<Target> | undefined {
    const { path } = hashes
    const whole = this.#paths.find(path, path.length, hashes.whole)
    let entry = whole === undefined ? undefined : firstHolding(whole, 'Exact', request)
    if (entry !== undefined) return entry
    for (let i = 0; i < this.#regex.length; i++) {
      entry = this.#regex[i] as RouteEntry<Target>
      if ((entry.pathRegexp as RegExp).test(path) && conditionsHold(entry, request)) return entry
    }
    entry = whole === undefined ? undefined : firstHolding(whole, 'PathPrefix', request)
    for (let i = hashes.ends - 1; entry === undefined && i >= 0; i--) {
      const node = this.#paths.find(path, hashes.at[i] as number, hashes.hash[i] as number)
      if (node !== undefined) entry = firstHolding(node, 'PathPrefix', request)
    }
    if (entry !== undefined) return entry
    const root = this.#paths.find(path, 0, 0)
    return root === undefined ? undefined : firstHolding(root, 'PathPrefix', request)
  }

  *[Symbol.iterator](): Generator<RouteEntry<Target>> {
    yield* this.#regex
    for (const node of this.#paths.nodes()) {
      yield* node.entries
    }
  }
}

/** Everything that one hostname routes. */
export class HostBucket<Target> {
  /** As routes write it: `a.example.com`, `*.example.com`, or empty for any. */
  readonly host: string
  readonly #tiers: Tier<Target>[] = []

  constructor(host: string) {
    this.host = host
  }

  get empty(): boolean {
    return this.#tiers.length === 0
  }

  add(entry: RouteEntry<Target>): void {
    let at = this.#tiers.findIndex((tier) => tier.priority <= entry.priority)
    if (at < 0) at = this.#tiers.length
    if (this.#tiers[at]?.priority !== entry.priority) {
      this.#tiers.splice(at, 0, new Tier(entry.priority))
    }
    this.#tiers[at]?.add(entry)
  }

  remove(entry: RouteEntry<Target>): void {
    const at = this.#tiers.findIndex((tier) => tier.priority === entry.priority)
    const tier = this.#tiers[at]
    if (tier === undefined) return
    tier.remove(entry)
    if (tier.empty) this.#tiers.splice(at, 1)
  }

  match(request: RouterRequest, hashes: PathHashes): RouteEntry<Target> | undefined {
    for (let i = 0; i < this.#tiers.length; i++) {
      const entry = (this.#tiers[i] as Tier<Target>).match(request, hashes)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  /** All entries in order of precedence; for explaining, not for matching. */
  entries(): RouteEntry<Target>[] {
    return this.#tiers.flatMap((tier) => [...tier]).toSorted(compareEntries)
  }
}

function firstHolding<Target>(
  node: PathNode<Target>,
  type: RouteEntry['pathType'],
  request: RouterRequest,
): RouteEntry<Target> | undefined {
  const { first, entries } = node
  if (first.pathType === type && conditionsHold(first, request)) return first
  for (let i = 1; i < entries.length; i++) {
    const entry = entries[i] as RouteEntry<Target>
    if (entry.pathType === type && conditionsHold(entry, request)) return entry
  }
  return undefined
}

/** Where `entry` stands, or would stand, in the ordered list. */
function place(entries: readonly RouteEntry[], entry: RouteEntry): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareEntries(entries[middle] as RouteEntry, entry) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** A new list of exact size: thousands of lists grown in place would be mostly empty room. */
function withEntry<Target>(
  entries: readonly RouteEntry<Target>[],
  entry: RouteEntry<Target>,
): readonly RouteEntry<Target>[] {
  return entries.toSpliced(place(entries, entry), 0, entry)
}

function withoutEntry<Target>(
  entries: readonly RouteEntry<Target>[],
  entry: RouteEntry<Target>,
): readonly RouteEntry<Target>[] {
  const at = place(entries, entry)
  return entries[at] === entry ? entries.toSpliced(at, 1) : entries
}
