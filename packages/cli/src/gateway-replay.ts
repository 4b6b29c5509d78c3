import { type Configuration, type Decision, explainDecision } from '@tidemill/gateway/admin'

/** One request that another rule would take. */
export interface Rerouted {
  readonly line: number
  readonly method: string
  readonly url: string
  readonly from: string
  readonly to: string
}

export interface Replayed {
  readonly lines: number
  readonly requests: number
  readonly rerouted: number
  /** Lines that are no request of a JSON access log. */
  readonly skipped: number
  /** Different moves by how often, the most frequent first. */
  readonly moves: readonly {
    readonly from: string
    readonly to: string
    readonly requests: number
  }[]
  readonly examples: readonly Rerouted[]
}

const mostMoves = 10_000
const mostKnown = 50_000

/** Judges recorded requests by a configuration. */
export class Replay {
  readonly #configuration: Configuration
  readonly #limit: number
  readonly #moves = new Map<string, { from: string; to: string; requests: number }>()
  readonly #examples: Rerouted[] = []
  /** The same request is judged once. */
  readonly #known = new Map<string, string>()
  lines = 0
  requests = 0
  #rerouted = 0

  constructor(configuration: Configuration, limit: number) {
    this.#configuration = configuration
    this.#limit = limit
  }

  take(line: string): void {
    this.lines++
    const record = readRecord(line)
    if (record === undefined) return
    this.requests++
    const { method, scheme, authority, path, query, from } = record
    const url = `${scheme}://${authority}${path}${query}`
    const key = `${method} ${url}`
    let to = this.#known.get(key)
    if (to === undefined) {
      const request = { method, host: authority, path: path + query }
      to = placeOf(explainDecision(this.#configuration, request, { scheme }))
      if (this.#known.size >= mostKnown) this.#known.clear()
      this.#known.set(key, to)
    }
    if (to === from) return
    this.#rerouted++
    const move = this.#moves.get(`${from}\n${to}`)
    if (move !== undefined) move.requests++
    else if (this.#moves.size < mostMoves)
      this.#moves.set(`${from}\n${to}`, { from, to, requests: 1 })
    if (this.#examples.length < this.#limit) {
      this.#examples.push({ line: this.lines, method, url, from, to })
    }
  }

  result(): Replayed {
    return {
      lines: this.lines,
      requests: this.requests,
      rerouted: this.#rerouted,
      skipped: this.lines - this.requests,
      moves: [...this.#moves.values()].toSorted((a, b) => b.requests - a.requests),
      examples: this.#examples,
    }
  }
}

function placeOf({ route, rule }: Pick<Decision, 'route' | 'rule'>): string {
  return route === null ? 'no route' : `${route} rule ${rule}`
}

interface RecordedRequest {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly path: string
  readonly query: string
  readonly from: string
}

function readRecord(line: string): RecordedRequest | undefined {
  let fields: Readonly<Record<string, unknown>> | null
  try {
    fields = JSON.parse(line) as Readonly<Record<string, unknown>> | null
  } catch {
    return undefined
  }
  if (typeof fields !== 'object' || fields === null) return undefined
  const { method, scheme, authority, path, route, rule, query } = fields
  if (typeof method !== 'string' || typeof authority !== 'string') return undefined
  if (typeof path !== 'string' || !path.startsWith('/')) return undefined
  const taken = typeof route === 'string' && route !== ''
  return {
    method,
    scheme: scheme === 'https' ? 'https' : 'http',
    authority,
    path,
    query: typeof query === 'string' && query !== '' ? `?${query.replace(/^\?/u, '')}` : '',
    from: taken ? placeOf({ route, rule: Number(rule) }) : 'no route',
  }
}
