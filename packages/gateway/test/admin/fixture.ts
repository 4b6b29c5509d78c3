import { request as httpRequest } from 'node:http'
import { type Admin, HeldObjects, ObjectLayers, openAdmin } from '@tidemill/gateway/admin'
import type {
  AdminOptions,
  AdminSlo,
  GatewayRuntime,
  RuntimeSnapshot,
} from '@tidemill/gateway/admin'
import { createHistogram, realClock, realRandom } from '@tidemill/core'
import type { ObjectChange } from '../../src/configuration/object-change.ts'
import { listedConfiguration } from '../../src/runtime/index.ts'
import { SloEngine } from '../../src/slo/index.ts'
import { explain, explainDecision } from '../../src/explanation.ts'

export const token = 'a-token-of-the-test'

export const route = (name: string, service = 'web'): Record<string, unknown> => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name },
  spec: { rules: [{ backendRefs: [{ name: service, port: 80 }] }] },
})

/** A runtime that serves nobody: a configuration of its own and figures that are made up. */
export interface TestRuntime extends GatewayRuntime {
  readonly calls: string[]
  readonly batches: { readonly changes: readonly ObjectChange[]; readonly revision: number }[]
}

export function createTestRuntime(): TestRuntime {
  const configuration = listedConfiguration({})
  const calls: string[] = []
  const batches: TestRuntime['batches'] = []
  const runtime: TestRuntime = {
    calls,
    batches,
    slo: new SloEngine({ clock: realClock, random: realRandom }),
    get revision() {
      return configuration.revision
    },
    async apply(changes, revision, snapshot) {
      batches.push({ changes, revision })
      configuration.apply(changes, revision, snapshot)
    },
    setBackends: async (backends) => configuration.setBackends(backends),
    backends: () =>
      [...configuration.backends.given()].map(([name, addresses]) => ({
        name,
        addresses: addresses.map(({ address, port }) => `${address}:${port}`),
      })),
    sockets: () => [],
    status: () => configuration.status(),
    explain: (request) => explain(configuration, request),
    decide: (request, target) => explainDecision(configuration, request, target),
    snapshot: async () => testSnapshot(configuration.revision),
    requests: async (limit) => {
      calls.push(`requests ${limit}`)
      return []
    },
    async isolate(name, upstream, open) {
      calls.push(`isolate ${name} ${upstream} ${open}`)
      return name === 'default/web'
    },
    async restart() {
      calls.push('restart')
    },
    async drain(graceMs, timeoutMs) {
      calls.push(`drain ${graceMs} ${timeoutMs}`)
    },
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return runtime
}

export function testSnapshot(revision: number): RuntimeSnapshot {
  const latency = createHistogram()
  latency.record(3)
  return {
    revision,
    uptimeMs: 1000,
    workers: [{ pid: 7, requests: 5, cpuMs: 20, rssBytes: 1024, eventLoopLagMs: 2 }],
    connections: { http1: 2, http2: 1, streams: 0, requests: 1 },
    traffic: [
      {
        route: 'default/web',
        upstream: 'default/web',
        requests: 1,
        errors: 0,
        active: 1,
        byClass: { '2xx': 1 },
        byFlag: { CB: 2 },
        outcomes: [
          { codeClass: '2xx', flag: '', requests: 1 },
          { codeClass: '5xx', flag: 'CB', requests: 2 },
        ],
        latency: latency.snapshot(),
        total: { p50Ms: 3, p99Ms: 3 },
        recentRequests: 1,
        p50Ms: 3,
        p99Ms: 3,
      },
    ],
    breakers: [
      {
        route: 'default/web',
        rule: '',
        upstream: 'default/web',
        state: 'open',
        generation: 1,
        calls: 0,
        failures: 0,
        slow: 0,
        probes: 0,
        openedAt: undefined,
        retryAfterMs: 0,
        admitted: 1,
        refused: 2,
        stale: 0,
      },
    ],
    clusters: [
      {
        name: 'default/web:80',
        hosts: [
          { key: '127.0.0.1:9000', healthy: true, ejected: true, active: 0, connections: 1 },
          { key: '127.0.0.1:9001', healthy: true, ejected: false, active: 1, connections: 1 },
        ],
        active: 1,
        pending: 0,
        connections: 2,
        retries: 3,
        retriesRefused: 1,
        ejections: 1,
        overflows: 0,
      },
    ],
    limits: [
      {
        route: 'default/web',
        name: 'per-key',
        keys: 4,
        counts: { allowed: 9, refused: 1, shadowed: 0, skipped: 0 },
      },
    ],
    accessLog: { lines: 5, dropped: 1 },
  }
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Of a document; of a problem its whole body. */
  readonly data: Record<string, unknown>
}

export interface Opened extends AsyncDisposable {
  readonly admin: Admin
  readonly runtime: TestRuntime
  readonly layers: ObjectLayers
  readonly call: (
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
  ) => Promise<Answered>
}

export async function openTestAdmin(
  options: Partial<AdminOptions> & { readonly slo?: AdminSlo } = {},
): Promise<Opened> {
  const runtime = createTestRuntime()
  const layers = new ObjectLayers({
    apply: (changes, revision, snapshot) => runtime.apply(changes, revision, snapshot),
    now: () => realClock.monotonic(),
  })
  const objects = new HeldObjects(layers)
  const admin = await openAdmin({ runtime, objects, token, listen: { port: 0 }, ...options })
  return {
    admin,
    runtime,
    layers,
    call: async (method, path, { body, headers = {} } = {}) => {
      const response = await fetch(`${admin.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...headers },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await response.text()
      const json = (response.headers.get('content-type') ?? '').includes('json')
      const document = json && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {}
      return {
        status: response.status,
        headers: response.headers,
        text,
        data: (document['data'] ?? document) as Record<string, unknown>,
      }
    },
    [Symbol.asyncDispose]: () => admin.close(),
  }
}

/** Sends a body in chunks, without a length, until the answer comes; gives its status. */
export function sendChunks(url: string, chunk: Buffer, count: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'transfer-encoding': 'chunked' },
    })
    let answered = false
    sent.on('response', (response) => {
      answered = true
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', (error) => {
      if (!answered) reject(error)
    })
    for (let i = 0; i < count; i++) sent.write(chunk)
    sent.end()
  })
}
