import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import {
  createRouter,
  type HttpRoute,
  type HttpRouteMatch,
  type RouterRequest,
} from '@tidemill/gateway/router'
import findMyWay from 'find-my-way'
import { defineBench } from './lib/bench.ts'
import { nanosPer, ratio } from './lib/measure.ts'

interface TablePath {
  readonly method: string
  readonly path: string
}

/** Real API route tables, METHOD and path a line, when they are there; else a table of the same shape. */
function readTables(): { readonly rows: readonly TablePath[]; readonly source: string } {
  const folder = path.resolve(import.meta.dirname, '../../shared/data/routes')
  if (existsSync(folder)) {
    const files = readdirSync(folder).filter((file) => file.endsWith('.tsv'))
    const lines = files.flatMap((file) =>
      readFileSync(path.join(folder, file), 'utf8').trim().split('\n'),
    )
    const rows = lines.map((line) => {
      const [method = '', route = ''] = line.trim().split('\t')
      return { method, path: route }
    })
    return { rows, source: `${rows.length} rows of real API tables (${files.join(', ')})` }
  }
  const nouns = ['users', 'repos', 'orders', 'teams', 'issues', 'events', 'keys', 'files']
  const rows = nouns.flatMap((noun) =>
    nouns.flatMap((child) =>
      ['GET', 'POST', 'DELETE'].flatMap((method) => [
        { method, path: `/${noun}/:id/${child}` },
        { method, path: `/${noun}/${child}` },
      ]),
    ),
  )
  return { rows, source: `${rows.length} synthetic rows` }
}

/** HTTPRoute has no parameters: they are written out, as a table for one tenant has them. */
function writtenOut(route: string): string {
  return route.replaceAll(/[:*][^/]*/gu, 'x17')
}

/** Table rows as matches: exact where the row has no parameter; every fifth with a header, every seventh with a query. */
function matchOf(row: TablePath, prefix: string, i: number): HttpRouteMatch {
  const value = `${prefix}${writtenOut(row.path)}`
  const header =
    i % 10 === 0
      ? ({ type: 'RegularExpression', name: 'X-Env', value: '^(prod|staging)$' } as const)
      : ({ name: 'x-version', value: '2' } as const)
  return {
    path: { type: row.path.includes(':') ? 'PathPrefix' : 'Exact', value },
    method: row.method,
    ...(i % 5 === 0 ? { headers: [header] } : {}),
    ...(i % 7 === 0 ? { queryParams: [{ name: 'v', value: '2' }] } : {}),
  }
}

const requestHeaders = [
  ['Host', 'api.example.com', 'User-Agent', 'bench/1', 'Accept', '*/*'],
  ['X-Env', 'staging', 'x-version', '2', 'Cookie', 'a=b', 'Accept-Encoding', 'gzip'],
].flat()

/** `count` routes of one rule each: the tables over and over, each time under another service's prefix. */
function build(count: number, rows: readonly TablePath[]) {
  const router = createRouter()
  const requests: RouterRequest[] = []
  const paths: TablePath[] = []
  for (let i = 0; i < count; i++) {
    const row = rows[i % rows.length] as TablePath
    const prefix = `/svc${Math.floor(i / rows.length)}`
    const route: HttpRoute = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: `r${i}`, namespace: 'bench' },
      spec: { rules: [{ matches: [matchOf(row, prefix, i)], backendRefs: [{ name: 'b' }] }] },
    }
    // Through JSON, as a route comes out of the store.
    router.put(JSON.parse(JSON.stringify(route)) as HttpRoute)
    paths.push({ method: row.method, path: `${prefix}${row.path}` })
    // One in ten asks for a neighbour that no route has, so that both routers also walk in vain.
    const asked = `${prefix}${writtenOut(row.path)}${i % 10 === 3 ? '~' : ''}`
    requests.push({
      method: row.method,
      host: 'api.example.com',
      path: asked,
      query: i % 2 === 0 ? 'page=1&v=2' : '',
      headers: requestHeaders,
    })
  }
  return { router, requests: shuffled(requests), paths }
}

/** A fixed order without pattern, so that neither router profits from asking the same path again. */
function shuffled<T>(list: readonly T[]): T[] {
  const out = [...list]
  let state = 1
  for (let i = out.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    const j = state % (i + 1)
    ;[out[i], out[j]] = [out[j] as T, out[i] as T]
  }
  return out
}

export const bench = defineBench({
  name: 'router',
  about: 'One match over 10,000 routes with path, method, header and query rules',
  peers: ['find-my-way'],
  claims: [
    { id: 'match', about: 'match at 10,000 routes', unit: 'us', target: { atMost: 1 } },
    { id: 'edit', about: 'one route replaced among 10,000', unit: 'us', target: { atMost: 50 } },
  ],
  async run(ctx) {
    const { rows, source } = readTables()
    const { router, requests, paths } = build(10_000, rows)
    const small = build(100, rows)
    const peer = findMyWay()
    const seen = new Set<string>()
    for (const { method, path: route } of paths) {
      // find-my-way refuses a second route of one method and shape; ours tells such routes apart by age.
      const shape = `${method} ${route.replaceAll(/:[^/]*/gu, ':')}`
      if (seen.has(shape)) continue
      seen.add(shape)
      peer.on(method as 'GET', route, () => undefined)
    }
    let found = 0
    let asked = 0
    /**
     * Microseconds a match. The path of each request is made anew just before, outside the time taken,
     * because a server has just read it from the wire; the table is as cold as 10,000 routes make it.
     */
    const slice = (
      from: readonly RouterRequest[],
      find: (request: RouterRequest) => boolean,
    ): number => {
      const block = 50
      let ns = 0
      for (let start = 0; start < from.length; start += block) {
        const fresh = from
          .slice(start, start + block)
          .map(({ method, host, path: at, query, headers }) => ({
            method,
            host,
            path: Buffer.from(at).toString('latin1'),
            query,
            headers,
          }))
        asked += fresh.length
        ns +=
          fresh.length *
          nanosPer(fresh.length, () => {
            for (let i = 0; i < fresh.length; i++) {
              if (find(fresh[i] as RouterRequest)) found++
            }
          })
      }
      return ns / from.length / 1000
    }
    const many = Array.from({ length: 10 }, () => requests).flat()
    const manySmall = Array.from({ length: 1000 }, () => small.requests).flat()
    const first = paths[0] as TablePath
    const edited: HttpRoute = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'r0', namespace: 'bench' },
      spec: { rules: [{ matches: [matchOf(first, '/svc0', 1)], backendRefs: [{ name: 'b' }] }] },
    }
    const lanes = await ctx.alternate({
      measure: 'cost',
      unit: 'us',
      rounds: 5,
      lanes: {
        ours: () => slice(many, (request) => router.match(request) !== undefined),
        ours100: () => slice(manySmall, (request) => small.router.match(request) !== undefined),
        findMyWay: () =>
          slice(many, ({ method, path: at }) => peer.find(method as 'GET', at) !== null),
        edit: () =>
          nanosPer(2000, () => {
            for (let i = 0; i < 2000; i++) router.put(edited)
          }) / 1000,
      },
    })
    ctx.note(source)
    const growth = lanes.ours.median / lanes.ours100.median
    ctx.note(
      `from 100 to 10,000 routes a match takes ${growth.toFixed(1)} times as long (cold caches)`,
    )
    ctx.note(`${((found / asked) * 100).toFixed(0)}% of the requests found a route`)
    ctx.value('match', lanes.ours)
    const times = ratio(lanes.ours, lanes.findMyWay)
    ctx.note(
      `${times.toFixed(1)} times as fast as find-my-way with the same table, path and method only; the aim is 4`,
    )
    ctx.value('edit', lanes.edit)
  },
})
