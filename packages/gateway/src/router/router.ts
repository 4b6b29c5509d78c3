import { gatewayErrors } from '../errors.ts'
import { createPathHashes, type HostBucket, hashPath } from './host-bucket.ts'
import { HostIndex } from './host-index.ts'
import { type HttpRoute, objectKey } from './http-route.ts'
import {
  compileEntries,
  decidingLaw,
  type FailedPredicate,
  failedPredicate,
  type RouteEntry,
  type RouterRequest,
  type RuleOptions,
} from './route-entry.ts'
import { validateHttpRoute } from './route-validator.ts'

/** One match of one rule and why it was, or was not, chosen. */
export interface Candidate {
  readonly route: string
  readonly rule: number
  readonly ruleName?: string
  readonly match: number
  /** The hostname by which it applies, `*` for any; of a route for other hosts, its hostnames. */
  readonly host: string
  readonly outcome: 'chosen' | 'outranked' | 'failed'
  /** For `failed`: the first condition that the request does not meet. */
  readonly failed?: FailedPredicate
  /** For `outranked`: the first difference from the chosen one in the law of precedence. */
  readonly outrankedBy?: string
}

export interface Explanation {
  /** In the order of trying: hosts from specific to general, then precedence; routes for other hosts last. */
  readonly candidates: readonly Candidate[]
  readonly chosen: Candidate | undefined
  /** Candidates left out because there were more than the limit. */
  readonly omitted: number
}

/**
 * HTTPRoute objects under Gateway API's law of precedence (httproute_types.go): host, our priority,
 * path type and length, method, header count, query count, age, name, order. Regular expressions match
 * whole values in linear time; their paths rank between Exact and PathPrefix. Matching is synchronous
 * and allocates nothing, except to join repeated header lines and to decode escaped query parameters.
 */
export interface Router<Target = undefined> {
  /** How many routes it holds. */
  readonly size: number
  /**
   * Adds a route, or replaces the one of the same namespace and name; touches only the buckets of its
   * hostnames. `rules[i]` speaks about rule i. Throws TM_GATEWAY_ROUTE_INVALID with every problem in the
   * details and leaves the old one in place.
   */
  put(route: HttpRoute, rules?: readonly RuleOptions<Target>[]): void
  /**
   * Adds entries that were compiled from a valid object, or replaces those under `key`, on those hostnames (an empty
   * one is any). A router is filled either by this or by `put`.
   */
  install(key: string, hosts: readonly string[], entries: readonly RouteEntry<Target>[]): void
  /** Removes what was put as `namespace/name`, or installed under that key; false when there is nothing. */
  delete(key: string): boolean
  match(request: RouterRequest): RouteEntry<Target> | undefined
  /** What it holds: the entries of each route with their hostnames, empty for any. */
  installed(): Iterable<{
    readonly hosts: readonly string[]
    readonly entries: readonly RouteEntry<Target>[]
  }>
  /** Says for each entry why it won or lost; walks everything, for people and not for traffic. */
  explain(request: RouterRequest, options?: { readonly limit?: number }): Explanation
}

export function createRouter<Target = undefined>(): Router<Target> {
  return new IndexedRouter<Target>()
}

interface Installed<Target> {
  readonly hosts: readonly string[]
  readonly entries: readonly RouteEntry<Target>[]
}

class IndexedRouter<Target> implements Router<Target> {
  readonly #routes = new Map<string, Installed<Target>>()
  readonly #hosts = new HostIndex<Target>()
  readonly #hashes = createPathHashes()
  readonly #matchBucket = (
    bucket: HostBucket<Target>,
    request: RouterRequest,
  ): RouteEntry<Target> | undefined => bucket.match(request, this.#hashes)

  get size(): number {
    return this.#routes.size
  }

  put(route: HttpRoute, rules: readonly RuleOptions<Target>[] = []): void {
    const problems = validateHttpRoute(route)
    if (problems.length > 0) {
      const name = (route as Partial<HttpRoute> | null)?.metadata?.name ?? ''
      throw gatewayErrors.error('TM_GATEWAY_ROUTE_INVALID', { route: name, problems })
    }
    const key = objectKey(route.metadata)
    const { hostnames } = route.spec
    const hosts = hostnames === undefined || hostnames.length === 0 ? [''] : [...new Set(hostnames)]
    this.install(key, hosts, compileEntries(route, rules))
  }

  install(key: string, hosts: readonly string[], entries: readonly RouteEntry<Target>[]): void {
    this.delete(key)
    this.#routes.set(key, { hosts, entries })
    for (const host of hosts) {
      const bucket = this.#hosts.open(host)
      for (const entry of entries) bucket.add(entry)
    }
  }

  delete(key: string): boolean {
    const installed = this.#routes.get(key)
    if (installed === undefined) return false
    this.#routes.delete(key)
    for (const host of installed.hosts) {
      const bucket = this.#hosts.open(host)
      for (const entry of installed.entries) bucket.remove(entry)
      this.#hosts.release(host)
    }
    return true
  }

  installed(): Iterable<Installed<Target>> {
    return this.#routes.values()
  }

  match(request: RouterRequest): RouteEntry<Target> | undefined {
    hashPath(this.#hashes, request.path)
    return this.#hosts.search(request.host, request, this.#matchBucket)
  }

  explain(request: RouterRequest, options: { readonly limit?: number } = {}): Explanation {
    const limit = options.limit ?? 1000
    const winner = this.match(request)
    const candidates: Candidate[] = []
    const seen = new Set<RouteEntry>()
    let winnerHost: string | undefined
    this.#hosts.search(request.host, undefined, (bucket): undefined => {
      for (const entry of bucket.entries()) {
        if (seen.has(entry)) continue
        seen.add(entry)
        if (entry === winner) winnerHost = bucket.host
        candidates.push(judge(entry, bucket.host, request, winner, winnerHost))
      }
    })
    for (const { hosts, entries } of this.#routes.values()) {
      for (const entry of entries) {
        if (seen.has(entry)) continue
        const expected = hosts.join(', ')
        const failed = { predicate: 'host', expected, received: request.host } as const
        candidates.push({ ...identity(entry, expected), outcome: 'failed', failed })
      }
    }
    return {
      candidates: candidates.slice(0, limit),
      chosen: candidates.find((candidate) => candidate.outcome === 'chosen'),
      omitted: Math.max(0, candidates.length - limit),
    }
  }
}

function identity(
  entry: RouteEntry,
  host: string,
): Pick<Candidate, 'route' | 'rule' | 'ruleName' | 'match' | 'host'> {
  return {
    route: entry.route,
    rule: entry.ruleIndex,
    ...(entry.rule.name === undefined ? {} : { ruleName: entry.rule.name }),
    match: entry.matchIndex,
    host: host === '' ? '*' : host,
  }
}

function judge(
  entry: RouteEntry,
  host: string,
  request: RouterRequest,
  winner: RouteEntry | undefined,
  winnerHost: string | undefined,
): Candidate {
  const base = identity(entry, host)
  if (entry === winner) return { ...base, outcome: 'chosen' }
  const failed = failedPredicate(entry, request)
  if (failed !== undefined || winner === undefined) {
    return { ...base, outcome: 'failed', ...(failed === undefined ? {} : { failed }) }
  }
  const outrankedBy = host === winnerHost ? decidingLaw(winner, entry) : 'host'
  return { ...base, outcome: 'outranked', outrankedBy }
}
