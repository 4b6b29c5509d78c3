import { HostBucket } from './host-bucket.ts'

interface HostNode<Target> {
  /** Without the leading `*.` of a wildcard. */
  readonly name: string
  exact: HostBucket<Target> | undefined
  wildcard: HostBucket<Target> | undefined
  next: HostNode<Target> | undefined
}

const dot = 46
/** RFC 1035 2.3.4: no name is longer, so a longer Host has no bucket of its own. */
const longestHost = 253

/**
 * Buckets by hostname. A request's buckets are found without slicing or lower-casing its Host: the host
 * is hashed from its end, so each label boundary gives the hash of the suffix after it.
 */
export class HostIndex<Target> {
  readonly #nodes = new Map<number, HostNode<Target>>()
  #any: HostBucket<Target> | undefined
  readonly #starts = new Int32Array(longestHost + 1)
  readonly #hashes = new Int32Array(longestHost + 1)

  /** The bucket of a hostname as routes write it, made when missing. */
  open(host: string): HostBucket<Target> {
    if (host === '') return (this.#any ??= new HostBucket(''))
    const name = bareName(host)
    const hash = hashOf(name)
    let node = this.#find(name, 0, name.length, hash)
    if (node === undefined) {
      node = { name, exact: undefined, wildcard: undefined, next: this.#nodes.get(hash) }
      this.#nodes.set(hash, node)
    }
    return host === name
      ? (node.exact ??= new HostBucket(host))
      : (node.wildcard ??= new HostBucket(host))
  }

  /** Drops the bucket of a hostname when nothing is in it. */
  release(host: string): void {
    if (host === '') {
      if (this.#any?.empty === true) this.#any = undefined
      return
    }
    const name = bareName(host)
    const hash = hashOf(name)
    const node = this.#find(name, 0, name.length, hash)
    if (node === undefined) return
    if (node.exact?.empty === true) node.exact = undefined
    if (node.wildcard?.empty === true) node.wildcard = undefined
    if (node.exact !== undefined || node.wildcard !== undefined) return
    const first = this.#nodes.get(hash)
    if (first !== node) {
      for (let before = first; before !== undefined; before = before.next) {
        if (before.next === node) before.next = node.next
      }
    } else if (node.next === undefined) this.#nodes.delete(hash)
    else this.#nodes.set(hash, node.next)
  }

  /**
   * Calls `visit` with the buckets that serve a Host field, most specific first: the name itself, its
   * wildcards from long to short, any. Stops at, and returns, the first result that is not undefined.
   */
  search<Context, Result>(
    host: string,
    context: Context,
    visit: (bucket: HostBucket<Target>, context: Context) => Result | undefined,
  ): Result | undefined {
    const end = hostEnd(host)
    if (this.#nodes.size > 0 && end <= longestHost) {
      let hash = 0
      let count = 0
      for (let i = end - 1; i >= 0; i--) {
        let c = host.charCodeAt(i)
        if (c === dot && i > 0) {
          this.#starts[count] = i + 1
          this.#hashes[count] = hash
          count++
        }
        if (c >= 65 && c <= 90) c += 32
        hash = (Math.imul(hash, 31) + c) | 0
      }
      const exact = this.#find(host, 0, end, hash)?.exact
      let result = exact === undefined ? undefined : visit(exact, context)
      if (result !== undefined) return result
      // The longest suffix was noted last.
      for (let i = count - 1; i >= 0; i--) {
        const start = this.#starts[i] as number
        const wildcard = this.#find(host, start, end, this.#hashes[i] as number)?.wildcard
        result = wildcard === undefined ? undefined : visit(wildcard, context)
        if (result !== undefined) return result
      }
    }
    return this.#any === undefined ? undefined : visit(this.#any, context)
  }

  #find(host: string, start: number, end: number, hash: number): HostNode<Target> | undefined {
    let node = this.#nodes.get(hash)
    while (node !== undefined && !equalsRegion(host, start, end, node.name)) node = node.next
    return node
  }
}

/** Where the name ends and the port begins; an IPv6 literal keeps its colons. */
function hostEnd(host: string): number {
  const colon = host.lastIndexOf(':')
  return colon < 0 || host.endsWith(']') ? host.length : colon
}

function bareName(host: string): string {
  return host.startsWith('*.') ? host.slice(2) : host
}

function hashOf(name: string): number {
  let hash = 0
  for (let i = name.length - 1; i >= 0; i--) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0
  return hash
}

function equalsRegion(text: string, start: number, end: number, lower: string): boolean {
  if (end - start !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    const c = text.charCodeAt(start + i)
    const wanted = lower.charCodeAt(i)
    if (c !== wanted && !(c >= 65 && c <= 90 && c + 32 === wanted)) return false
  }
  return true
}
