import {
  compareEntries,
  conditionsHold,
  type RouteEntry,
  type RouterRequest,
} from './route-entry.ts'

/** All the entries of one path, in order of precedence. */
interface PathNode<Target> {
  readonly path: string
  readonly entries: RouteEntry<Target>[]
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

/** Fills `hashes` for a path; the end of the path counts as a segment end. */
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
  if (path.length <= longestPath) {
    hashes.at[ends] = path.length
    hashes.hash[ends] = hash
    ends++
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

/** Paths by hash; paths of one hash are chained and compared. */
class PathIndex<Target> {
  readonly #nodes = new Map<number, PathNode<Target>>()

  find(path: string, end: number, hash: number): PathNode<Target> | undefined {
    let node = this.#nodes.get(hash)
    while (node !== undefined && !(node.path.length === end && path.startsWith(node.path))) {
      node = node.next
    }
    return node
  }

  add(entry: RouteEntry<Target>): void {
    const { pathValue } = entry
    const hash = hashOf(pathValue)
    let node = this.find(pathValue, pathValue.length, hash)
    if (node === undefined) {
      node = { path: pathValue, entries: [], next: this.#nodes.get(hash) }
      this.#nodes.set(hash, node)
    }
    insert(node.entries, entry)
  }

  remove(entry: RouteEntry<Target>): void {
    const hash = hashOf(entry.pathValue)
    const node = this.find(entry.pathValue, entry.pathValue.length, hash)
    if (node === undefined) return
    cut(node.entries, entry)
    if (node.entries.length > 0) return
    const first = this.#nodes.get(hash)
    if (first !== node) {
      for (let before = first; before !== undefined; before = before.next) {
        if (before.next === node) before.next = node.next
      }
    } else if (node.next === undefined) this.#nodes.delete(hash)
    else this.#nodes.set(hash, node.next)
  }

  get size(): number {
    return this.#nodes.size
  }

  *[Symbol.iterator](): Generator<RouteEntry<Target>> {
    for (const first of this.#nodes.values()) {
      for (let node: PathNode<Target> | undefined = first; node !== undefined; node = node.next) {
        yield* node.entries
      }
    }
  }
}

/** The entries of one priority: exact paths, then expressions, then prefixes from long to short. */
class Tier<Target> {
  readonly priority: number
  readonly #exact = new PathIndex<Target>()
  readonly #prefix = new PathIndex<Target>()
  readonly #regex: RouteEntry<Target>[] = []

  constructor(priority: number) {
    this.priority = priority
  }

  get empty(): boolean {
    return this.#exact.size === 0 && this.#prefix.size === 0 && this.#regex.length === 0
  }

  add(entry: RouteEntry<Target>): void {
    if (entry.pathType === 'Exact') this.#exact.add(entry)
    else if (entry.pathType === 'PathPrefix') this.#prefix.add(entry)
    else insert(this.#regex, entry)
  }

  remove(entry: RouteEntry<Target>): void {
    if (entry.pathType === 'Exact') this.#exact.remove(entry)
    else if (entry.pathType === 'PathPrefix') this.#prefix.remove(entry)
    else cut(this.#regex, entry)
  }

  match(request: RouterRequest, hashes: PathHashes): RouteEntry<Target> | undefined {
    const { path } = hashes
    if (this.#exact.size > 0) {
      const node = this.#exact.find(path, path.length, hashes.whole)
      const entry = node === undefined ? undefined : firstHolding(node.entries, request)
      if (entry !== undefined) return entry
    }
    for (let i = 0; i < this.#regex.length; i++) {
      const entry = this.#regex[i] as RouteEntry<Target>
      if ((entry.pathRegexp as RegExp).test(path) && conditionsHold(entry, request)) return entry
    }
    if (this.#prefix.size === 0) return undefined
    for (let i = hashes.ends - 1; i >= 0; i--) {
      const node = this.#prefix.find(path, hashes.at[i] as number, hashes.hash[i] as number)
      const entry = node === undefined ? undefined : firstHolding(node.entries, request)
      if (entry !== undefined) return entry
    }
    const root = this.#prefix.find(path, 0, 0)
    return root === undefined ? undefined : firstHolding(root.entries, request)
  }

  *[Symbol.iterator](): Generator<RouteEntry<Target>> {
    yield* this.#exact
    yield* this.#regex
    yield* this.#prefix
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
  entries: readonly RouteEntry<Target>[],
  request: RouterRequest,
): RouteEntry<Target> | undefined {
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as RouteEntry<Target>
    if (conditionsHold(entry, request)) return entry
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

function insert<Target>(entries: RouteEntry<Target>[], entry: RouteEntry<Target>): void {
  entries.splice(place(entries, entry), 0, entry)
}

function cut<Target>(entries: RouteEntry<Target>[], entry: RouteEntry<Target>): void {
  const at = place(entries, entry)
  if (entries[at] === entry) entries.splice(at, 1)
}
