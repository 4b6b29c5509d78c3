import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Platform, startPlatform, type SystemModule } from '@tidemill/platform'

const route = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute' as const,
  metadata: { name: 'hello', namespace: 'test' },
  spec: {
    rules: [
      {
        matches: [{ path: { type: 'PathPrefix' as const, value: '/hello' } }],
        backendRefs: [{ name: 'hello', port: 80 }],
      },
    ],
  },
}

/** A system with one service that greets, and one order that it knows. */
function greeter(closed: string[] = []): SystemModule {
  return {
    name: 'greeter',
    async start(context) {
      const server = createServer((request, response) =>
        response.end(`hello ${String(request.headers['x-request-id'])}`),
      )
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as { readonly port: number }
      await context.expose({
        backends: { 'test/hello': [`http://127.0.0.1:${port}`] },
        routes: [route],
      })
      const close = async (): Promise<void> => {
        closed.push('greeter')
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
      return {
        name: 'greeter',
        picture: async () => ({
          nodes: [{ id: 'hello', kind: 'service', label: 'hello', state: 'ok', facts: {} }],
          edges: [],
        }),
        totals: async () => ({ placed: 1, confirmed: 1, cancelled: 0, pending: 0, stuck: 0 }),
        latestOrders: async (limit) => [{ id: `one of ${limit}`, state: 'confirmed' }],
        followOrder: async (id) =>
          id === 'known'
            ? { requestId: 'req-1', view: { order: { id } }, timeline: [] }
            : undefined,
        invariants: async () => [{ name: 'one', holds: true, detail: 'is one' }],
        idle: async () => undefined,
        close,
        [Symbol.asyncDispose]: close,
      }
    },
  }
}

describe('platform', () => {
  let platform: Platform
  before(async () => {
    platform = await startPlatform({ port: 'auto', version: '9.9.9', systems: [greeter()] })
  })
  after(() => platform.close())

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names the shape that a test expects
  async function api<T>(
    target: string,
    init: RequestInit = {},
  ): Promise<{ status: number; data: T }> {
    const response = await fetch(`${platform.consoleUrl}${target}`, {
      ...init,
      headers: { 'content-type': 'application/json' },
    })
    const body = (await response.json()) as { readonly data: T }
    return { status: response.status, data: body.data }
  }

  it('puts the service of a system behind the gateway and follows an order back to its request', async () => {
    const answer = await fetch(`${platform.gatewayUrl}/hello`, {
      headers: { 'x-request-id': 'req-1' },
    })
    assert.equal(await answer.text(), 'hello req-1')
    const { data } = await api<{
      readonly route: { readonly route: string; readonly status: number }
      readonly timeline: readonly { readonly system: string }[]
    }>('/api/v1/orders/known')
    assert.equal(data.route.route, 'test/hello')
    assert.equal(data.route.status, 200)
    assert.equal(data.timeline[0]?.system, 'gateway')
    assert.equal((await api('/api/v1/orders/unknown')).status, 404)
  })
  it('lists orders and checks invariants of its systems', async () => {
    const { data } = await api<{ readonly items: readonly { readonly id: string }[] }>(
      '/api/v1/orders?limit=7',
    )
    assert.equal(data.items[0]?.id, 'one of 7')
    const verified = await api<{ readonly invariants: readonly { readonly holds: boolean }[] }>(
      '/api/v1/verify',
      {
        method: 'POST',
      },
    )
    assert.deepEqual(verified.data.invariants, [{ name: 'one', holds: true, detail: 'is one' }])
    assert.equal((await api('/api/v1/orders?limit=many')).status, 400)
  })
  it('reads, writes, watches and deletes keys', async () => {
    const watch = await fetch(`${platform.consoleUrl}/api/v1/kv-watch?prefix=/w/`)
    const reader = watch.body?.getReader()
    assert.ok(reader)
    const next = async (event: string): Promise<string> => {
      let text = ''
      while (!text.includes(`event: ${event}`) || !text.endsWith('\n\n')) {
        const { value, done } = await reader.read()
        assert.equal(done, false)
        text += new TextDecoder().decode(value)
      }
      return text
    }
    await next('ready')
    const put = await api<{ readonly revision: number }>('/api/v1/kv/%2Fw%2Fa', {
      method: 'PUT',
      body: '{"value":"1"}',
    })
    assert.match(
      await next('change'),
      new RegExp(`"key":"/w/a","value":"1","revision":${put.data.revision}`, 'u'),
    )
    await reader.cancel()
    assert.equal((await api<{ readonly value: string }>('/api/v1/kv/%2Fw%2Fa')).data.value, '1')
    assert.equal(
      (await api('/api/v1/kv/%2Fw%2Fa', { method: 'PUT', body: '{"value":1}' })).status,
      400,
    )
    const { data } = await api<{ readonly items: readonly unknown[] }>('/api/v1/kv?prefix=/w/')
    assert.equal(data.items.length, 1)
    const gone = await api<{ readonly deleted: number }>('/api/v1/kv/%2Fw?prefix=true', {
      method: 'DELETE',
    })
    assert.equal(gone.data.deleted, 1)
    assert.equal((await api('/api/v1/kv/%2Fw%2Fa')).status, 404)
  })
  it('explains, applies and removes routes; a bad object leaves nothing half-applied', async () => {
    const explained = await api<{ readonly chosen?: { readonly route: string } }>(
      '/api/v1/routes/explain',
      {
        method: 'POST',
        body: '{"path":"/hello/you","host":"localhost","headers":[["a","b"]]}',
      },
    )
    assert.equal(explained.data.chosen?.route, 'test/hello')
    assert.equal(
      (await api('/api/v1/routes/explain', { method: 'POST', body: '{"path":"x"}' })).status,
      400,
    )
    const second = { ...route, metadata: { name: 'second', namespace: 'test' } }
    const mixed = JSON.stringify({ objects: [second, { kind: 'Nonsense' }] })
    assert.equal((await api('/api/v1/objects', { method: 'POST', body: mixed })).status, 400)
    const names = async (): Promise<string[]> =>
      (
        await api<{ readonly items: readonly { readonly name: string }[] }>('/api/v1/routes')
      ).data.items.map(({ name }) => name)
    assert.deepEqual(await names(), ['test/hello'])
    const good = JSON.stringify({ objects: [second] })
    await api('/api/v1/objects?dryRun=true', { method: 'POST', body: good })
    assert.deepEqual(await names(), ['test/hello'])
    await api('/api/v1/objects', { method: 'POST', body: good })
    assert.deepEqual((await names()).toSorted(), ['test/hello', 'test/second'])
    assert.equal((await api('/api/v1/routes/test/second', { method: 'DELETE' })).status, 200)
    assert.equal((await api('/api/v1/routes/test/second', { method: 'DELETE' })).status, 404)
  })
  it('exposes metrics in the text format and answers health and readiness', async () => {
    const text = await (await fetch(`${platform.consoleUrl}/metrics`)).text()
    assert.match(
      text,
      /^tidemill_gw_requests_total\{route="test\/hello",upstream="test\/hello",code_class="2xx"\} \d+$/mu,
    )
    assert.match(text, /^tidemill_orders\{state="confirmed"\} /mu)
    assert.equal((await fetch(`${platform.consoleUrl}/healthz`)).status, 200)
    assert.equal((await fetch(`${platform.consoleUrl}/readyz`)).status, 200)
  })
})

describe('starting a platform', () => {
  it('keeps a route as the operator left it when the system exposes it again', async () => {
    const dataDir = await mkdtemp(path.join(os.tmpdir(), 'tidemill-platform-'))
    try {
      const options = { dataDir, port: 'auto', version: '1', systems: [greeter()] } as const
      const first = await startPlatform(options)
      const [rule] = route.spec.rules
      await first.gateway.putRoute({
        ...route,
        spec: { hostnames: ['only.example'], rules: rule === undefined ? [] : [rule] },
      })
      await first.close()
      const second = await startPlatform(options)
      const [kept] = second.gateway.routes()
      await second.close()
      assert.deepEqual(kept?.object?.spec.hostnames, ['only.example'])
    } finally {
      await rm(dataDir, { recursive: true })
    }
  })
  it('closes what was started when a system fails, and removes the temporary folder', async () => {
    const closed: string[] = []
    let folder = ''
    const failing: SystemModule = {
      name: 'failing',
      start: async (context) => {
        folder = context.dataDir
        throw new Error('no')
      },
    }
    await assert.rejects(
      startPlatform({ port: 'auto', version: '1', systems: [greeter(closed), failing] }),
      /no/u,
    )
    assert.deepEqual(closed, ['greeter'])
    assert.equal(existsSync(folder), false)
  })
})
