import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, type Random } from '@tidemill/core'
import {
  createRouter,
  type HttpRoute,
  type HttpRouteMatch,
  type HttpValueMatch,
  type RouteEntry,
  type RouterRequest,
} from '@tidemill/gateway/router'

/** The standard read aloud: every match of every rule is tried, and the best is kept. */
class LinearReference {
  readonly routes = new Map<string, { readonly route: HttpRoute; readonly priority: number }>()

  match(request: RouterRequest): string | undefined {
    let best: { readonly id: string; readonly rank: readonly (number | string)[] } | undefined
    for (const { route, priority } of this.routes.values()) {
      const host = hostRank(route.spec.hostnames, request.host)
      if (host === undefined) continue
      const { name, namespace, creationTimestamp } = route.metadata
      for (const [r, rule] of (route.spec.rules ?? [{}]).entries()) {
        for (const [m, match] of (rule.matches ?? [{}]).entries()) {
          if (!holds(match, request)) continue
          const type = match.path?.type ?? 'PathPrefix'
          const value = match.path?.value ?? '/'
          const length = value.replace(/\/+$/u, '').length
          const rank = [
            -host[0],
            -host[1],
            -priority,
            ['Exact', 'RegularExpression', 'PathPrefix'].indexOf(type),
            type === 'Exact' ? 0 : type === 'PathPrefix' ? -length : -value.length,
            match.method === undefined ? 1 : 0,
            -(match.headers ?? []).length,
            -(match.queryParams ?? []).length,
            creationTimestamp === undefined ? Infinity : Date.parse(creationTimestamp),
            `${namespace}/${name}`,
            r,
            m,
          ]
          const id = `${namespace}/${name}#${r}#${m}`
          if (best === undefined || before(rank, best.rank)) best = { id, rank }
        }
      }
    }
    return best?.id
  }
}

function before(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  const i = a.findIndex((value, at) => value !== b[at])
  return i >= 0 && (a[i] as number) < (b[i] as number)
}

/** Characters of the best matching exact host and of the best matching host. */
function hostRank(
  hostnames: readonly string[] | undefined,
  host: string,
): readonly [number, number] | undefined {
  if (hostnames === undefined) return [0, 0]
  const name = host.replace(/:\d+$/u, '').toLowerCase()
  const fits = hostnames.filter((pattern) =>
    pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern,
  )
  if (fits.length === 0) return undefined
  const longest = (list: readonly string[]): number => Math.max(0, ...list.map((h) => h.length))
  return [longest(fits.filter((h) => !h.startsWith('*'))), longest(fits)]
}

function holds(match: HttpRouteMatch, request: RouterRequest): boolean {
  const { type = 'PathPrefix', value = '/' } = match.path ?? {}
  const path = request.path
  const bare = value.replace(/\/+$/u, '')
  const pathFits =
    type === 'Exact'
      ? path === value
      : type === 'PathPrefix'
        ? path === bare || path.startsWith(`${bare}/`)
        : new RegExp(`^(?:${value})$`).test(path)
  const query = new URLSearchParams(request.query)
  const fits = (wanted: HttpValueMatch, got: string | null | undefined): boolean =>
    typeof got === 'string' &&
    (wanted.type === 'RegularExpression'
      ? new RegExp(`^(?:${wanted.value})$`).test(got)
      : got === wanted.value)
  const header = (name: string): string | undefined => {
    const values = request.headers.filter(
      (_, i) => i % 2 === 1 && request.headers[i - 1]?.toLowerCase() === name.toLowerCase(),
    )
    return values.length === 0 ? undefined : values.join(', ')
  }
  return (
    pathFits &&
    (match.method === undefined || match.method === request.method) &&
    (match.headers ?? []).every((wanted) => fits(wanted, header(wanted.name))) &&
    (match.queryParams ?? []).every((wanted) => fits(wanted, query.get(wanted.name)))
  )
}

/** Few different texts, so that routes collide and nearly match often. */
class Generator {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  pick<T>(list: readonly T[]): T {
    return list[this.#random.integer(list.length)] as T
  }

  chance(part: number): boolean {
    return this.#random.next() < part
  }

  times<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.#random.integer(most + 1) }, make)
  }

  path(): string {
    const segments = this.times(4, () => this.pick(['a', 'b', 'ab', 'c']))
    return `/${segments.join('/')}${segments.length > 0 && this.chance(0.2) ? '/' : ''}`
  }

  values(names: readonly string[]): HttpValueMatch[] {
    const list = names.filter(() => this.chance(0.25))
    return list.map((name) =>
      this.chance(0.3)
        ? { type: 'RegularExpression', name, value: this.pick(['[12]', '1|3', '.*', '(1|2)+']) }
        : { name, value: this.pick(['1', '2', '']) || '3' },
    )
  }

  match(): HttpRouteMatch {
    const type = this.pick(['Exact', 'PathPrefix', 'PathPrefix', 'RegularExpression'] as const)
    const value =
      type === 'RegularExpression' ? this.pick(['/a.*', '/[ab]+', '/a(/b)*', '.*']) : this.path()
    return {
      ...(this.chance(0.85) ? { path: { type, value } } : {}),
      ...(this.chance(0.2) ? { method: this.pick(['GET', 'POST']) } : {}),
      headers: this.values(['x', 'y', 'z']),
      queryParams: this.values(['p', 'q']),
    }
  }

  route(names: number): HttpRoute {
    const hosts = ['a.com', '*.com', '*.a.com', 'b.a.com', 'x.org', '*.b.a.com']
    const hostnames = hosts.filter(() => this.chance(0.25))
    const created = this.pick([undefined, '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'])
    const rules = [this.match(), ...this.times(2, () => this.match())].map((match) => ({
      matches: [match, ...this.times(1, () => this.match())],
    }))
    return {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: {
        name: `r${this.#random.integer(names)}`,
        namespace: this.pick(['m', 'n']),
        ...(created === undefined ? {} : { creationTimestamp: created }),
      },
      spec: { rules, ...(hostnames.length === 0 ? {} : { hostnames }) },
    }
  }

  request(): RouterRequest {
    const pair = (names: readonly string[]): string[] => [
      this.pick(names),
      this.pick(['1', '2', '3']),
    ]
    return {
      method: this.pick(['GET', 'POST', 'PUT']),
      host: this.pick(['a.com', 'A.COM:80', 'b.a.com', 'c.b.a.com', 'c.a.com', 'x.org', 'y.org']),
      path: this.path(),
      query: this.times(3, () => pair(['p', 'q', 'P']).join('=')).join('&'),
      headers: this.times(3, () => pair(['x', 'X', 'y', 'z'])).flat(),
    }
  }
}

function idOf(entry: RouteEntry<undefined> | undefined): string | undefined {
  return entry && `${entry.route}#${entry.ruleIndex}#${entry.matchIndex}`
}

describe('router against a linear reading of the standard', () => {
  it('chooses the same match for 40,000 random requests over 400 random tables', () => {
    for (let seed = 1; seed <= 400; seed++) {
      const generator = new Generator(createSeededRandom(seed))
      const router = createRouter()
      const reference = new LinearReference()
      for (let i = 0; i < 15; i++) {
        const route = generator.route(20)
        const priority = generator.chance(0.15) ? generator.pick([-1, 1]) : 0
        const rules = (route.spec.rules ?? []).map(() => ({ priority }))
        router.put(route, rules)
        const key = `${route.metadata.namespace}/${route.metadata.name}`
        reference.routes.set(key, { route, priority })
      }
      for (let i = 0; i < 100; i++) {
        const request = generator.request()
        const chosen = idOf(router.match(request))
        assert.equal(chosen, reference.match(request), `seed ${seed}: ${JSON.stringify(request)}`)
      }
    }
  })

  it('equals a fresh build after 20,000 random edits, and is empty when all routes are gone', () => {
    const generator = new Generator(createSeededRandom(7))
    const edited = createRouter()
    const present = new Map<string, HttpRoute>()
    for (let edit = 1; edit <= 20_000; edit++) {
      const route = generator.route(100)
      const key = `${route.metadata.namespace}/${route.metadata.name}`
      if (generator.chance(0.45)) {
        assert.equal(edited.delete(key), present.delete(key))
      } else {
        edited.put(route)
        present.set(key, route)
      }
      if (edit % 2000 !== 0) continue
      const fresh = createRouter()
      for (const kept of present.values()) fresh.put(kept)
      assert.equal(edited.size, fresh.size)
      for (let i = 0; i < 200; i++) {
        const request = generator.request()
        assert.equal(idOf(edited.match(request)), idOf(fresh.match(request)))
      }
    }
    for (const key of present.keys()) edited.delete(key)
    for (let i = 0; i < 100; i++) assert.equal(edited.match(generator.request()), undefined)
    assert.equal(edited.explain(generator.request()).candidates.length, 0)
  })
})
