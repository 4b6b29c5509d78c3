import { compareEntries, pathHolds, type RouteEntry, type ValuePredicate } from './route-entry.ts'
import type { Router } from './router.ts'

/** A match that no request reaches on a hostname, and the one that takes all of its requests. */
export interface Shadow<Target = unknown> {
  readonly host: string
  readonly entry: RouteEntry<Target>
  readonly by: RouteEntry<Target>
}

/** Entries of one hostname by the path that they name. */
interface HostEntries<Target> {
  readonly all: RouteEntry<Target>[]
  readonly byPath: Map<string, RouteEntry<Target>[]>
  readonly regex: RouteEntry<Target>[]
}

/**
 * Finds matches that can never win: one that goes first on the same hostname takes everything that they would. Two
 * expressions are compared by their text alone, so not every shadow is found, but every one found is one.
 */
export function findShadows<Target>(router: Router<Target>): Shadow<Target>[] {
  const hosts = new Map<string, HostEntries<Target>>()
  for (const { hosts: names, entries } of router.installed()) {
    for (const host of names) {
      let known = hosts.get(host)
      if (known === undefined) {
        hosts.set(host, (known = { all: [], byPath: new Map(), regex: [] }))
      }
      for (const entry of entries) note(known, entry)
    }
  }
  const shadows: Shadow<Target>[] = []
  for (const [host, entries] of hosts) {
    for (const entry of entries.all) {
      const by = shadowOf(entry, entries)
      if (by !== undefined) shadows.push({ host, entry, by })
    }
  }
  return shadows
}

function note<Target>(known: HostEntries<Target>, entry: RouteEntry<Target>): void {
  known.all.push(entry)
  if (entry.pathType === 'RegularExpression') {
    known.regex.push(entry)
    return
  }
  const list = known.byPath.get(entry.pathValue)
  if (list === undefined) known.byPath.set(entry.pathValue, [entry])
  else list.push(entry)
}

function shadowOf<Target>(
  entry: RouteEntry<Target>,
  entries: HostEntries<Target>,
): RouteEntry<Target> | undefined {
  const takes = (other: RouteEntry<Target>): boolean =>
    other !== entry && compareEntries(other, entry) < 0 && covers(other, entry)
  let best = first(entries.regex.filter(takes), undefined)
  // Of plain paths only the same one and its prefixes can take everything.
  let path = entry.pathType === 'RegularExpression' ? '' : entry.pathValue
  for (;;) {
    best = first(entries.byPath.get(path)?.filter(takes) ?? [], best)
    if (path === '') return best
    path = path.slice(0, path.lastIndexOf('/'))
  }
}

/** The one that goes before all others. */
function first<Target>(
  entries: readonly RouteEntry<Target>[],
  best: RouteEntry<Target> | undefined,
): RouteEntry<Target> | undefined {
  for (const entry of entries) {
    if (best === undefined || compareEntries(entry, best) < 0) best = entry
  }
  return best
}

/** Whether every request that meets `b` meets `a` too. */
function covers(a: RouteEntry, b: RouteEntry): boolean {
  return (
    coversPath(a, b) &&
    (a.method === '' || a.method === b.method) &&
    a.headers.every((wanted) => b.headers.some((given) => implies(given, wanted))) &&
    a.queries.every((wanted) => b.queries.some((given) => implies(given, wanted)))
  )
}

function coversPath(a: RouteEntry, b: RouteEntry): boolean {
  if (b.pathType === 'Exact') return pathHolds(a, b.pathValue)
  if (a.pathType === 'Exact') return false
  if (a.pathType === 'PathPrefix') {
    if (a.pathValue === '') return true
    return b.pathType === 'PathPrefix' && pathHolds(a, b.pathValue)
  }
  return b.pathType === 'RegularExpression' && a.pathValue === b.pathValue
}

function implies(given: ValuePredicate, wanted: ValuePredicate): boolean {
  if (given.name !== wanted.name) return false
  if (given.regexp === undefined) {
    return wanted.regexp === undefined
      ? given.value === wanted.value
      : wanted.regexp.test(given.value)
  }
  return wanted.regexp !== undefined && given.value === wanted.value
}
