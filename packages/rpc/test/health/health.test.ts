import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createChannel, createServer, isRpcError, type Server } from '../../src/index.ts'
import { Health as HealthService } from '../../src/gen/grpc/health/v1/health_pb.ts'
import { ServerReflection } from '../../src/gen/grpc/reflection/v1/reflection_pb.ts'
import { pairs, type Transports } from '../support/pair.ts'
import { addHealth, checkHealth, Health, watchHealth } from '../../src/health/index.ts'

async function withServer(
  names: Transports,
  run: (setup: {
    readonly server: Server
    readonly health: Health
    readonly channel: ReturnType<typeof createChannel>
  }) => Promise<void>,
): Promise<void> {
  const server = createServer({ h2: names.server })
  const health = addHealth(server)
  const { port } = await server.listen('127.0.0.1:0')
  const channel = createChannel(`127.0.0.1:${port}`, { h2: names.client })
  try {
    await run({ server, health, channel })
  } finally {
    await channel.close()
    await server.close()
  }
}

for (const names of pairs) {
  describe(`the health service, ${names.client} client and ${names.server} server`, () => {
    it('says SERVING for the server and its services, NOT_FOUND for others', async () => {
      await withServer(names, async ({ server, channel }) => {
        assert.equal(await checkHealth(channel), 'SERVING')
        assert.equal(await checkHealth(channel, 'grpc.health.v1.Health'), 'SERVING')
        assert.equal(await checkHealth(channel, 'shop.Orders'), 'SERVICE_UNKNOWN')
        await assert.rejects(
          async () => channel.client(HealthService).check({ service: 'shop.Orders' }),
          (error) => isRpcError(error) && error.status === 5,
        )
        server.add(ServerReflection, {})
        assert.equal(await checkHealth(channel, 'grpc.reflection.v1.ServerReflection'), 'SERVING')
      })
    })

    it('lists what was set with the services', async () => {
      await withServer(names, async ({ health, channel }) => {
        health.set('database', 'NOT_SERVING')
        const { statuses } = await channel.client(HealthService).list({})
        assert.deepEqual(
          Object.entries(statuses).map(([name, { status }]) => [name, status]),
          [
            ['', 1],
            ['database', 2],
            ['grpc.health.v1.Health', 1],
          ],
        )
      })
    })

    it('tells a watch of an unknown service SERVICE_UNKNOWN, then what is set', async () => {
      await withServer(names, async ({ health, channel }) => {
        const seen: string[] = []
        for await (const status of watchHealth(channel, 'shop.Orders')) {
          seen.push(status)
          if (seen.length === 1) health.set('shop.Orders', 'SERVING')
          else if (seen.length === 2) health.set('shop.Orders', 'NOT_SERVING')
          else break
        }
        assert.deepEqual(seen, ['SERVICE_UNKNOWN', 'SERVING', 'NOT_SERVING'])
      })
    })

    it('tells a watch of a service that the server gets while it runs', async () => {
      const server = createServer({ health: true, h2: names.server })
      const { port } = await server.listen('127.0.0.1:0')
      const channel = createChannel(`127.0.0.1:${port}`, { h2: names.client })
      try {
        const seen: string[] = []
        for await (const status of watchHealth(channel, ServerReflection.typeName)) {
          seen.push(status)
          if (seen.length === 2) break
          server.add(ServerReflection, {})
        }
        assert.deepEqual(seen, ['SERVICE_UNKNOWN', 'SERVING'])
      } finally {
        await channel.close()
        await server.close()
      }
    })

    it('becomes NOT_SERVING when the server drains, and its watches end', async () => {
      await withServer(names, async ({ server, channel }) => {
        const seen: string[] = []
        let drained: Promise<void> | undefined
        await assert.rejects(
          async () => {
            for await (const status of watchHealth(channel)) {
              seen.push(status)
              drained ??= server.drain({ grace: '5s' })
            }
          },
          (error) => isRpcError(error) && error.status === 14,
        )
        assert.deepEqual(seen, ['SERVING', 'NOT_SERVING'])
        await drained
      })
    })
  })
}

describe('Health', () => {
  it('gives a slow watch the latest status only, and no status twice', async () => {
    const health = new Health()
    const watch = health.watch('')
    assert.deepEqual(await watch.next(), { done: false, value: 'SERVING' })
    health.set('', 'NOT_SERVING')
    health.set('', 'UNKNOWN')
    assert.deepEqual(await watch.next(), { done: false, value: 'UNKNOWN' })
    const next = watch.next()
    health.set('', 'UNKNOWN')
    health.set('', 'SERVING')
    assert.deepEqual(await next, { done: false, value: 'SERVING' })
  })

  it('ends a watch that waits when its signal aborts', async () => {
    const abort = new AbortController()
    const watch = new Health().watch('', abort.signal)
    await watch.next()
    const waiting = watch.next()
    abort.abort()
    assert.equal((await waiting).done, true)
    assert.equal((await new Health().watch('', abort.signal).next()).done, true)
  })

  it('keeps NOT_SERVING once drained, and takes no services', () => {
    const health = new Health()
    health.drain()
    health.set('', 'SERVING')
    health.set('shop.Orders', 'SERVING')
    assert.equal(health.status(''), 'NOT_SERVING')
    assert.equal(health.status('shop.Orders'), 'SERVICE_UNKNOWN')
  })

  it('ends a watch once it has told of the drain, also one that was told before', async () => {
    const health = new Health()
    health.set('', 'NOT_SERVING')
    const watch = health.watch('')
    assert.deepEqual(await watch.next(), { done: false, value: 'NOT_SERVING' })
    const waiting = watch.next()
    health.drain()
    assert.equal((await waiting).done, true)
    const late = health.watch('')
    assert.equal((await late.next()).value, 'NOT_SERVING')
    assert.equal((await late.next()).done, true)
  })
})
