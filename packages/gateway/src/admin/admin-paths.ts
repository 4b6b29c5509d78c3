import { gatewayErrors } from '../errors.ts'
import type { ObjectCheck } from '../object-check.ts'
import { type ExplainRequest, type ExplainTarget } from '../explanation.ts'
import { prometheusContentType, renderPrometheus } from '../prometheus.ts'
import { type AdminAnswer, document, text, withStatus } from './admin-answer.ts'
import type { AdminOptions, AdminSlo } from './admin-options.ts'
import type { AdminRequest } from './admin-request.ts'
import { metricFamilies } from './metric-families.ts'
import { described, ObjectPaths } from './object-paths.ts'

const defaultGraceMs = 5000
const defaultTimeoutMs = 30_000
const longestDrainMs = 24 * 3600 * 1000

type Handler = (request: AdminRequest) => Promise<AdminAnswer>

/** The paths of the admin API and what they answer. */
export class AdminPaths {
  /** Set by a drain that was asked for. */
  draining = false
  readonly #options: AdminOptions
  readonly #objects: ObjectPaths | undefined
  readonly #handlers: ReadonlyMap<string, Handler>

  constructor(options: AdminOptions) {
    this.#options = options
    const { objects, requirePreconditions = false } = options
    this.#objects = objects && new ObjectPaths(objects, requirePreconditions)
    const handlers: [string, Handler][] = [
      ['GET /metrics', () => this.#metrics()],
      ['GET /debug/config', () => this.#configuration()],
      ['GET /v1/status', () => this.#status()],
      ['GET /v1/snapshot', () => this.#snapshot()],
      ['GET /v1/requests', (request) => this.#requests(request)],
      ['GET /v1/backends', async () => this.#backends()],
      ['POST /v1/explain', (request) => this.#explain(request)],
      ['POST /v1/drain', (request) => this.#drain(request)],
      ['POST /v1/restart', () => this.#restart()],
      ['POST /v1/breakers/isolate', (request) => this.#isolate(request)],
    ]
    const { slo } = options
    if (slo !== undefined) {
      handlers.push(
        ['GET /v1/slo', async () => document('gateway-slo', slo.status?.() ?? null)],
        ['POST /v1/alerts/webhook', (request) => alerts(slo, request, 'webhook')],
        ['POST /am/api/v2/alerts', (request) => alerts(slo, request, 'alerts')],
      )
    }
    this.#handlers = new Map(handlers)
  }

  /** Paths that need no token; undefined for any other. */
  open(request: AdminRequest): AdminAnswer | undefined {
    const { path } = request
    if (path !== '/healthz' && path !== '/readyz') return undefined
    if (request.method !== 'GET' && request.method !== 'HEAD') throw methodError(request)
    if (path === '/healthz') return text(200, 'ok\n')
    if (this.draining) return text(503, 'draining\n')
    return (this.#options.ready?.() ?? true) ? text(200, 'ok\n') : text(503, 'not ready\n')
  }

  /** Answers a request that carries the token. */
  async answer(request: AdminRequest): Promise<AdminAnswer> {
    const { method, path } = request
    const handler = this.#handlers.get(`${method} ${path}`)
    if (handler !== undefined) return handler(request)
    const [, version, noun, ...rest] = path.split('/')
    if (version === 'v1' && noun === 'objects' && this.#objects !== undefined) {
      const answer = await this.#objects.answer(request, rest)
      if (answer !== undefined) return answer
      throw methodError(request)
    }
    if (version === 'v1' && noun === 'backends' && rest.length === 2) {
      if (method === 'PUT') return this.#putBackend(request, rest.join('/'))
      throw methodError(request)
    }
    for (const known of this.#handlers.keys()) {
      if (known.endsWith(` ${path}`)) throw methodError(request)
    }
    throw gatewayErrors.error('TM_GATEWAY_ADMIN_PATH', { method, path })
  }

  async #metrics(): Promise<AdminAnswer> {
    const { runtime, sourceUp, applySeconds, slo } = this.#options
    const families = metricFamilies(await runtime.snapshot(), runtime.status(), {
      up: sourceUp?.(),
      applySeconds: applySeconds?.(),
    })
    const all = [...families, ...(slo?.metrics?.() ?? [])]
    return text(200, renderPrometheus(all), prometheusContentType)
  }

  async #configuration(): Promise<AdminAnswer> {
    const { runtime, objects } = this.#options
    const all = (await objects?.list()) ?? []
    return document('gateway-config', {
      revision: runtime.revision,
      sockets: runtime.sockets(),
      backends: runtime.backends(),
      objects: all.map(described),
    })
  }

  async #status(): Promise<AdminAnswer> {
    const { runtime } = this.#options
    const { revision } = runtime
    const status = { revision, objects: runtime.status(), sockets: runtime.sockets() }
    return document('gateway-status', status)
  }

  async #snapshot(): Promise<AdminAnswer> {
    const snapshot = await this.#options.runtime.snapshot()
    return document('gateway-snapshot', { draining: this.draining, ...snapshot })
  }

  async #requests(request: AdminRequest): Promise<AdminAnswer> {
    const limit = request.whole('limit', 50, 10_000)
    return document('gateway-requests', await this.#options.runtime.requests(limit))
  }

  #backends(): AdminAnswer {
    return document('gateway-backends', this.#options.runtime.backends())
  }

  async #putBackend(request: AdminRequest, name: string): Promise<AdminAnswer> {
    const { runtime } = this.#options
    const addresses = request.fields((fields, check) => {
      const list = fields['addresses']
      check.known('', fields, ['addresses'])
      if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list
      check.wrong('/addresses', list, 'a list of addresses host:port')
      return []
    })
    await runtime.setBackends({ [name.replace('%3A', ':')]: addresses })
    return this.#backends()
  }

  async #explain(request: AdminRequest): Promise<AdminAnswer> {
    const { question, target } = request.fields(readQuestion)
    return document('gateway-decision', this.#options.runtime.decide(question, target))
  }

  async #drain(request: AdminRequest): Promise<AdminAnswer> {
    const { runtime, onDrain, logger } = this.#options
    const times = request.fields((fields, check) => {
      check.known('', fields, ['graceMs', 'timeoutMs'])
      const { graceMs = defaultGraceMs, timeoutMs = defaultTimeoutMs } = fields
      return {
        graceMs: readMs(check, '/graceMs', graceMs),
        timeoutMs: readMs(check, '/timeoutMs', timeoutMs),
      }
    })
    const { graceMs, timeoutMs } = times
    if (!this.draining) {
      this.draining = true
      const drain = onDrain ?? ((grace, timeout) => runtime.drain(grace, timeout))
      drain(graceMs, timeoutMs).catch((error: unknown) => {
        logger?.log('error', 'the drain failed', { error })
      })
    }
    return withStatus(document('gateway-drain', times), 202)
  }

  async #restart(): Promise<AdminAnswer> {
    await this.#options.runtime.restart()
    const { workers } = await this.#options.runtime.snapshot()
    return document('gateway-restart', { workers: workers.map(({ pid }) => pid) })
  }

  async #isolate(request: AdminRequest): Promise<AdminAnswer> {
    const asked = request.fields((fields, check) => {
      check.known('', fields, ['route', 'upstream', 'open'])
      const { route, upstream, open = true } = fields
      check.text('/route', route, 512)
      check.text('/upstream', upstream, 512)
      if (typeof open !== 'boolean') check.wrong('/open', open, 'true or false')
      return { route: textOf(route), upstream: textOf(upstream), open: open === true }
    })
    const { route, upstream, open } = asked
    if (!(await this.#options.runtime.isolate(route, upstream, open))) {
      throw gatewayErrors.error('TM_GATEWAY_BREAKER_UNKNOWN', { route, upstream })
    }
    return document('gateway-isolation', asked)
  }
}

async function alerts(
  slo: AdminSlo,
  request: AdminRequest,
  from: 'webhook' | 'alerts',
): Promise<AdminAnswer> {
  await slo[from](request.json())
  return text(200, '{}', 'application/json')
}

function methodError({ method }: AdminRequest): Error {
  return gatewayErrors.error('TM_GATEWAY_METHOD', { method })
}

function readMs(check: ObjectCheck, path: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= longestDrainMs) return value
  check.wrong(path, value, `a number of milliseconds up to ${longestDrainMs}`)
  return 0
}

function readQuestion(
  fields: Readonly<Record<string, unknown>>,
  check: ObjectCheck,
): { readonly question: ExplainRequest; readonly target: ExplainTarget } {
  const { url, method = 'GET', headers = {}, scheme, port, gateway, listener } = fields
  check.known('', fields, [
    'url',
    'method',
    'host',
    'path',
    'headers',
    'scheme',
    'port',
    'gateway',
    'listener',
  ])
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  if (url !== undefined && !/^https?:$/u.test(parsed?.protocol ?? '')) {
    check.wrong('/url', url, 'an http:// or https:// URL')
  }
  const host = fields['host'] ?? parsed?.host
  const path = fields['path'] ?? (parsed === null ? undefined : parsed.pathname + parsed.search)
  check.text('/host', host, 1024)
  check.text('/path', path, 16_384)
  check.text('/method', method, 64)
  if (!isHeaders(headers)) check.wrong('/headers', headers, 'an object of texts or lists of texts')
  const secure = scheme ?? parsed?.protocol.slice(0, -1)
  const given = port ?? (parsed?.port === '' ? undefined : parsed && Number(parsed.port))
  if (given !== undefined && given !== null && typeof given !== 'number') {
    check.wrong('/port', given, 'a port')
  }
  return {
    question: {
      method: textOf(method),
      host: textOf(host),
      path: textOf(path),
      headers: headers as NonNullable<ExplainRequest['headers']>,
    },
    target: {
      ...(secure === 'http' || secure === 'https' ? { scheme: secure } : {}),
      ...(typeof given === 'number' ? { port: given } : {}),
      ...(typeof gateway === 'string' ? { gateway } : {}),
      ...(typeof listener === 'string' ? { listener } : {}),
    },
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isHeaders(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((one) =>
    [one].flat().every((line: unknown) => typeof line === 'string'),
  )
}
