import {
  type HttpRouteRule,
  type HttpValueMatch,
  type ObjectMeta,
  objectKey,
} from './http-route.ts'
import { compilePattern } from './pattern.ts'
import { normalPath } from './path-form.ts'

/** What the router looks at. All texts as they stand in the request; nothing is copied on a match. */
export interface RouterRequest {
  readonly method: string
  /** The Host field; a port and upper case are ignored. */
  readonly host: string
  /** Normalised path without query ({@link normalPath}). */
  readonly path: string
  /** Without the question mark; empty for none. */
  readonly query: string
  /** Name, value, name, value ... as on the wire, like `rawHeaders` of node:http. */
  readonly headers: readonly string[]
}

/** One condition on a header field or query parameter: equal to `value`, or matching `regexp` whole. */
export interface ValuePredicate {
  readonly name: string
  readonly value: string
  readonly regexp: RegExp | undefined
}

/**
 * One match of one rule, ready to be tried. Entries are ordered by {@link compareEntries} within a host;
 * one object stands in the bucket of every hostname of its route.
 */
export interface RouteEntry<Target = unknown> {
  /** `namespace/name` of the route. */
  readonly route: string
  readonly kind: string
  readonly ruleIndex: number
  readonly matchIndex: number
  readonly rule: HttpRouteRule
  /** What the caller of `put` attached to the rule. */
  readonly target: Target
  readonly pathType: 'Exact' | 'PathPrefix' | 'RegularExpression'
  /** Normalised; a prefix is without its trailing slash, so the prefix `/` is empty. */
  readonly pathValue: string
  readonly pathRegexp: RegExp | undefined
  /** Characters that count for precedence, as the route wrote them. */
  readonly pathLength: number
  /** Empty for any. */
  readonly method: string
  readonly headers: readonly ValuePredicate[]
  readonly queries: readonly ValuePredicate[]
  readonly priority: number
  readonly createdAt: number
}

/** What `put` may say about one rule of a route. */
export interface RuleOptions<Target> {
  /** Higher goes first whatever the match says, within one hostname; default 0. */
  readonly priority?: number
  readonly target?: Target
  /** Added to the priority of each match, for laws of precedence that differ from HTTPRoute's. */
  readonly offsets?: readonly number[]
}

/** As much of a route as its entries need. */
export interface RoutedObject {
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly spec: { readonly rules?: readonly HttpRouteRule[] }
}

/** The rules of a route with the default of the standard: one rule that matches everything. */
export function effectiveRules(route: RoutedObject): readonly HttpRouteRule[] {
  return route.spec.rules ?? [{}]
}

/** The entries of a valid route. */
export function compileEntries<Target>(
  route: RoutedObject,
  options: readonly RuleOptions<Target>[],
): RouteEntry<Target>[] {
  const created = Date.parse(route.metadata.creationTimestamp ?? '')
  const key = objectKey(route.metadata)
  return effectiveRules(route).flatMap((rule, ruleIndex) =>
    (rule.matches === undefined || rule.matches.length === 0 ? [{}] : rule.matches).map(
      (match, matchIndex) => {
        const pathType = match.path?.type ?? 'PathPrefix'
        const written = match.path?.value ?? '/'
        return {
          // What a match reads comes first, so that it lies in one cache line.
          method: match.method ?? '',
          headers: predicates(match.headers ?? [], (name) => name.toLowerCase()),
          queries: predicates(match.queryParams ?? [], (name) => name),
          pathType,
          pathValue: pathType === 'RegularExpression' ? written : plainPath(pathType, written),
          pathRegexp: pathType === 'RegularExpression' ? compilePattern(written).regexp : undefined,
          pathLength:
            pathType === 'PathPrefix' ? plainPath(pathType, written).length : written.length,
          priority:
            (options[ruleIndex]?.priority ?? 0) + (options[ruleIndex]?.offsets?.[matchIndex] ?? 0),
          createdAt: Number.isNaN(created) ? Number.POSITIVE_INFINITY : created,
          route: key,
          kind: route.kind,
          ruleIndex,
          matchIndex,
          rule,
          target: options[ruleIndex]?.target as Target,
        }
      },
    ),
  )
}

function plainPath(type: 'Exact' | 'PathPrefix', written: string): string {
  const path = normalPath(written) ?? written
  return type === 'PathPrefix' ? path.replace(/\/+$/u, '') : path
}

/** Shared by all entries without conditions, so that a match need not fetch thousands of empty lists. */
const noPredicates: readonly ValuePredicate[] = []

function predicates(
  matches: readonly HttpValueMatch[],
  nameForm: (name: string) => string,
): readonly ValuePredicate[] {
  if (matches.length === 0) return noPredicates
  const byName = new Map<string, ValuePredicate>()
  for (const { name, type, value } of matches) {
    const form = nameForm(name)
    // Of equal names only the first counts (httproute_types.go, HTTPHeaderMatch.Name).
    if (byName.has(form)) continue
    byName.set(form, {
      name: form,
      value,
      regexp: type === 'RegularExpression' ? compilePattern(value).regexp : undefined,
    })
  }
  return [...byName.values()]
}

const pathRank = { Exact: 0, RegularExpression: 1, PathPrefix: 2 } as const

type Law = readonly [name: string, (a: RouteEntry, b: RouteEntry) => number]

/** The law of precedence within one hostname, first difference decides (httproute_types.go, HTTPRouteRule.Matches). */
const laws: readonly Law[] = [
  ['priority', (a, b) => b.priority - a.priority],
  ['path type', (a, b) => pathRank[a.pathType] - pathRank[b.pathType]],
  ['path length', (a, b) => (a.pathType === 'Exact' ? 0 : b.pathLength - a.pathLength)],
  ['method', (a, b) => Number(b.method !== '') - Number(a.method !== '')],
  ['header count', (a, b) => b.headers.length - a.headers.length],
  ['query count', (a, b) => b.queries.length - a.queries.length],
  ['age', (a, b) => (a.createdAt === b.createdAt ? 0 : a.createdAt - b.createdAt)],
  ['name', (a, b) => (a.route < b.route ? -1 : a.route > b.route ? 1 : 0)],
  ['kind', (a, b) => (a.kind < b.kind ? 1 : a.kind > b.kind ? -1 : 0)],
  ['rule order', (a, b) => a.ruleIndex - b.ruleIndex],
  ['match order', (a, b) => a.matchIndex - b.matchIndex],
]

/** Negative when `a` goes before `b`; 0 only for the same entry. */
export function compareEntries(a: RouteEntry, b: RouteEntry): number {
  for (const law of laws) {
    const order = law[1](a, b)
    if (order !== 0) return order
  }
  return 0
}

/** The name of the law by which `winner` goes before `loser`. */
export function decidingLaw(winner: RouteEntry, loser: RouteEntry): string {
  return laws.find((law) => law[1](winner, loser) !== 0)?.[0] ?? 'same entry'
}

/** True when everything but host and path holds. */
export function conditionsHold(entry: RouteEntry, request: RouterRequest): boolean {
  if (entry.method !== '' && entry.method !== request.method) return false
  const { headers, queries } = entry
  for (let i = 0; i < headers.length; i++) {
    const predicate = headers[i] as ValuePredicate
    const value = headerValue(request.headers, predicate.name)
    if (value === undefined || !holds(predicate, value)) return false
  }
  for (let i = 0; i < queries.length; i++) {
    if (!queryHolds(queries[i] as ValuePredicate, request.query)) return false
  }
  return true
}

/** True when the path alone holds. */
export function pathHolds(entry: RouteEntry, path: string): boolean {
  if (entry.pathRegexp !== undefined) return entry.pathRegexp.test(path)
  if (entry.pathType === 'Exact') return path === entry.pathValue
  const end = entry.pathValue.length
  return path.startsWith(entry.pathValue) && (path.length === end || path[end] === '/')
}

/** The first condition of an entry that a request does not meet. */
export interface FailedPredicate {
  readonly predicate: 'host' | 'path' | 'method' | 'header' | 'query'
  /** Of the header or parameter. */
  readonly name?: string
  readonly expected: string
  readonly received: string | undefined
}

/** Says which condition fails, looking at path, method, headers and query in this order. */
export function failedPredicate(
  entry: RouteEntry,
  request: RouterRequest,
): FailedPredicate | undefined {
  if (!pathHolds(entry, request.path)) {
    const expected = `${entry.pathType} ${entry.pathValue === '' ? '/' : entry.pathValue}`
    return { predicate: 'path', expected, received: request.path }
  }
  if (entry.method !== '' && entry.method !== request.method) {
    return { predicate: 'method', expected: entry.method, received: request.method }
  }
  for (const predicate of entry.headers) {
    const received = headerValue(request.headers, predicate.name)
    if (received === undefined || !holds(predicate, received)) {
      const expected = expectation(predicate)
      return { predicate: 'header', name: predicate.name, expected, received }
    }
  }
  for (const predicate of entry.queries) {
    if (!queryHolds(predicate, request.query)) {
      const received = queryValue(request.query, predicate.name)
      const expected = expectation(predicate)
      return { predicate: 'query', name: predicate.name, expected, received }
    }
  }
  return undefined
}

function expectation(predicate: ValuePredicate): string {
  return `${predicate.regexp === undefined ? 'Exact' : 'RegularExpression'} ${predicate.value}`
}

function holds(predicate: ValuePredicate, value: string): boolean {
  return predicate.regexp === undefined ? value === predicate.value : predicate.regexp.test(value)
}

/** The value of a field from raw headers; repeated lines joined as RFC 9110 5.3 says. `name` in lower case. */
export function headerValue(headers: readonly string[], name: string): string | undefined {
  let value: string | undefined
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!equalsLower(headers[i] as string, name)) continue
    const more = headers[i + 1] as string
    value = value === undefined ? more : `${value}${name === 'cookie' ? '; ' : ', '}${more}`
  }
  return value
}

/** Compares ASCII without regard to case and without making a lower-case copy. */
export function equalsLower(text: string, lower: string): boolean {
  if (text.length !== lower.length) return false
  for (let i = 0; i < lower.length; i++) {
    const c = text.charCodeAt(i)
    const wanted = lower.charCodeAt(i)
    if (c !== wanted && !(c >= 65 && c <= 90 && c + 32 === wanted)) return false
  }
  return true
}

const ampersand = 38
const plus = 43
const equals = 61
const percent = 37

/** Where the parameter last found stands; filled by {@link findQuery}, so that finding allocates nothing. */
const found = { start: 0, end: 0, escaped: false }

/** Finds the first parameter of that name (case-sensitive; `%XX` and `+` decoded) in one pass. */
function findQuery(query: string, name: string): boolean {
  let start = 0
  let equal = -1
  let nameEscaped = false
  let escaped = false
  for (let i = 0; i <= query.length; i++) {
    const c = i === query.length ? ampersand : query.charCodeAt(i)
    if (c === equals && equal < 0) {
      equal = i
      nameEscaped = escaped
      escaped = false
    } else if (c === percent || c === plus) {
      escaped = true
    } else if (c === ampersand) {
      const nameEnd = equal < 0 ? i : equal
      const decode = equal < 0 ? escaped : nameEscaped
      if (
        decode
          ? decoded(query.slice(start, nameEnd)) === name
          : nameEnd - start === name.length && query.startsWith(name, start) && i > start
      ) {
        found.start = equal < 0 ? i : equal + 1
        found.end = i
        found.escaped = equal >= 0 && escaped
        return true
      }
      start = i + 1
      equal = -1
      nameEscaped = false
      escaped = false
    }
  }
  return false
}

function queryHolds(predicate: ValuePredicate, query: string): boolean {
  if (!findQuery(query, predicate.name)) return false
  if (predicate.regexp === undefined && !found.escaped) {
    const { value } = predicate
    return found.end - found.start === value.length && query.startsWith(value, found.start)
  }
  const value = query.slice(found.start, found.end)
  return holds(predicate, found.escaped ? decoded(value) : value)
}

/** The decoded value of the first parameter of that name. */
export function queryValue(query: string, name: string): string | undefined {
  if (!findQuery(query, name)) return undefined
  return decoded(query.slice(found.start, found.end))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Not valid UTF-8 after decoding: compared as it stands, so it can only equal a text written that way.
    return text
  }
}
