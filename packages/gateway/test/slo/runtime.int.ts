import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { openLocalRuntime, openPooledRuntime } from '../../src/runtime/index.ts'

const route = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'a', namespace: 'default' },
  spec: { rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
}

const policy = {
  apiVersion: 'gateway.tidemill.dev/v1',
  kind: 'RoutePolicy',
  metadata: { name: 'a', namespace: 'default' },
  spec: {
    targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'a' }],
    breaker: { ratio: 1, window: 1000, minCalls: 1000 },
    slo: { objective: 99.9, actions: [{ on: 'page-fast', action: 'open' }] },
  },
}

for (const workers of [0, 2]) {
  test(`an objective that burns opens the route with ${workers} workers, and keeps a trickle`, async () => {
    const upstream = createServer((_, response) => {
      response.statusCode = 502
      response.end('down')
    })
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const options = { implicitListener: { address: '127.0.0.1', port: 0 } }
    const runtime =
      workers === 0 ? openLocalRuntime(options) : await openPooledRuntime({ ...options, workers })
    try {
      await runtime.setBackends({
        'default/web:80': [`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`],
      })
      const changes = [route, policy].map((object) => ({
        kind: object.kind as 'HTTPRoute',
        key: 'default/a',
        text: JSON.stringify(object),
        revision: 1,
      }))
      await runtime.apply(changes, 1, true)
      assert.deepEqual(
        runtime.status().map((one) => one.state),
        ['active', 'active'],
      )
      const url = `http://127.0.0.1:${runtime.sockets()[0]?.boundPort}/`
      const send = async (): Promise<number> => {
        const response = await fetch(url, { headers: { connection: 'close' } })
        const body = await response.text()
        if (response.status === 503) assert.match(body, /TM_GATEWAY_SLO/u)
        return response.status
      }
      // An evaluation may come while these are on their way: the last ones may be refused already.
      const before: number[] = []
      for (let i = 0; i < 60; i++) before.push(await send())
      assert.ok(before.slice(0, 20).every((status) => status === 502))
      assert.ok(before.every((status) => status === 502 || status === 503))
      const deadline = performance.now() + 10_000
      while (runtime.slo.decisions().length === 0 && performance.now() < deadline) await wait(50)
      assert.equal(runtime.slo.snapshot()[0]?.action, 'open')
      // The word has gone to every worker within the next evaluation.
      await wait(1200)
      const statuses: number[] = []
      for (let i = 0; i < 40; i++) statuses.push(await send())
      const refused = statuses.filter((status) => status === 503).length
      assert.ok(refused >= 30 && refused < 40, `${refused} refused`)
      // What was refused is not an event: only what the upstream answered is.
      await wait(2200)
      assert.equal(runtime.slo.snapshot()[0]?.action, 'open')
    } finally {
      await runtime.close()
      upstream.close()
    }
  })
}
