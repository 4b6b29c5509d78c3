import type { Problem } from '@tidemill/core'
import { gatewayErrors } from './errors.ts'

/** One address of a service. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly url: string
}

/** The addresses of one service, shared by every route that names it. */
export interface BackendPool {
  /** `namespace/service`. */
  readonly name: string
  /** False while routes name it but nobody has given its addresses. */
  registered: boolean
  endpoints: readonly Endpoint[]
  /** Requests in flight to it. */
  active: number
  next: number
}

/** Services by name; pools live as long as the gateway, so routes can name a service before it exists. */
export class BackendRegistry {
  readonly #pools = new Map<string, BackendPool>()

  open(name: string): BackendPool {
    let pool = this.#pools.get(name)
    if (pool === undefined) {
      pool = { name, registered: false, endpoints: [], active: 0, next: 0 }
      this.#pools.set(name, pool)
    }
    return pool
  }

  /** Gives a service its addresses; checked all before any is changed. */
  set(backends: Readonly<Record<string, readonly string[]>>): void {
    const problems: Problem[] = []
    const parsed = Object.entries(backends).map(([name, urls]) => {
      if (!/^[a-z0-9][-a-z0-9]*\/[a-z0-9][-a-z0-9.]*$/u.test(name)) {
        problems.push({ path: `/${name}`, message: 'must be named namespace/service' })
      }
      return [name, urls.map((url, i) => readEndpoint(url, `/${name}/${i}`, problems))] as const
    })
    if (problems.length > 0) throw gatewayErrors.error('TM_GATEWAY_BACKENDS_INVALID', { problems })
    for (const [name, endpoints] of parsed) {
      const pool = this.open(name)
      pool.registered = true
      pool.endpoints = endpoints.filter((endpoint) => endpoint !== undefined)
      pool.next = 0
    }
  }

  list(): readonly BackendPool[] {
    return [...this.#pools.values()]
  }
}

/** The endpoints of a pool in turn; the pool must have one. */
export function nextEndpoint(pool: BackendPool): Endpoint {
  const at = pool.next < pool.endpoints.length ? pool.next : 0
  pool.next = at + 1
  return pool.endpoints[at] as Endpoint
}

function readEndpoint(text: string, path: string, problems: Problem[]): Endpoint | undefined {
  const url = URL.parse(text)
  const plain =
    url !== null &&
    url.protocol === 'http:' &&
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === ''
  if (!plain) {
    const expected = 'an http:// URL without path, query or user, such as http://127.0.0.1:8080'
    problems.push({ path, message: `must be ${expected}`, received: text, expected })
    return undefined
  }
  // node:net wants an IPv6 address without its brackets.
  const host = url.hostname.replaceAll(/^\[|\]$/gu, '')
  return { host, port: url.port === '' ? 80 : Number(url.port), url: url.origin }
}
