import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import { TestService } from '../../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import type { BenchConfig } from '../../src/bench/bench-config.ts'
import { planBench } from '../../src/bench/bench-plan.ts'
import { type BenchCell, type BenchInput, runBench } from '../../src/bench/bench-run.ts'
import { createServer, type ServerOptions, RpcError } from '../../src/index.ts'
import { transports } from '../support/pair.ts'

async function testServer(
  options: ServerOptions = {},
): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(options)
  server.add(TestService, {
    unaryCall(request) {
      if ((request.responseStatus?.code ?? 0) !== 0) {
        throw new RpcError(request.responseStatus?.code as 5, request.responseStatus?.message ?? '')
      }
      return { payload: { body: new Uint8Array(request.responseSize) } }
    },
    async streamingInputCall(requests) {
      let aggregatedPayloadSize = 0
      for await (const { payload } of requests) aggregatedPayloadSize += payload?.body.length ?? 0
      return { aggregatedPayloadSize }
    },
    async *streamingOutputCall({ responseParameters }) {
      for (const { size } of responseParameters) {
        await Promise.resolve()
        yield { payload: { body: new Uint8Array(size) } }
      }
    },
    async *fullDuplexCall(requests) {
      for await (const { payload } of requests) yield payload === undefined ? {} : { payload }
    },
  })
  const { port } = await server.listen('127.0.0.1:0')
  return { port: port ?? 0, [Symbol.asyncDispose]: () => server.close() }
}

type Method = 'unaryCall' | 'streamingInputCall' | 'streamingOutputCall' | 'fullDuplexCall'

async function load(
  port: number,
  config: BenchConfig,
  method: Method = 'unaryCall',
  more: Partial<BenchInput> = {},
): Promise<BenchCell[]> {
  const whole = { host: `127.0.0.1:${port}`, call: `grpc.testing.TestService/${method}`, ...config }
  return runBench({
    config: whole,
    plan: planBench(whole),
    method: TestService.method[method],
    data: typeof config.data === 'string' ? config.data : undefined,
    ...more,
  })
}

for (const transport of transports) {
  const name = transport === 'native' ? 'ours' : 'node'
  describe(`the load tool against a server (transport ${name})`, () => {
    it('makes unary calls and reports what the server answers', async () => {
      await using server = await testServer({ h2: transport })
      const { port } = server
      const [cell] = await load(port, {
        transport: name,
        total: 300,
        concurrency: 20,
        connections: 2,
      })
      assert.deepEqual(cell?.report.statusCodeDistribution, { OK: 300 })
      assert.equal(cell.report.details?.length, 300)
      const [failed] = await load(port, {
        transport: name,
        total: 20,
        concurrency: 4,
        data: '{"responseStatus":{"code":5,"message":"no order \u00e9"}}',
      })
      assert.deepEqual(failed?.report.errorDistribution, {
        'rpc error: code = NotFound desc = no order \u00e9': 20,
      })
    })
    it('makes streaming calls of every kind', async () => {
      await using server = await testServer({ h2: transport })
      const { port } = server
      const rows: readonly (readonly [Method, string])[] = [
        ['streamingInputCall', '[{"payload":{"body":"AAAA"}},{"payload":{"body":"AAAA"}}]'],
        ['streamingOutputCall', '{"responseParameters":[{"size":9},{"size":70000}]}'],
        ['fullDuplexCall', '[{"payload":{"body":"AAAA"}},{"payload":{"body":"AAAA"}}]'],
      ]
      for (const [method, data] of rows) {
        const [cell] = await load(
          port,
          { transport: name, total: 40, concurrency: 8, data },
          method,
        )
        assert.deepEqual(cell?.report.statusCodeDistribution, { OK: 40 }, method)
      }
    })
    it('sends compressed requests', async () => {
      await using server = await testServer({ h2: transport })
      const { port } = server
      const [cell] = await load(port, {
        transport: name,
        total: 10,
        concurrency: 2,
        'enable-compression': true,
        data: '{"payload":{"body":"AAAAAAAAAAAAAAAAAAAAAAAA"}}',
      })
      assert.deepEqual(cell?.report.statusCodeDistribution, { OK: 10 })
    })
    it('checks the certificate, unless told not to', async () => {
      const authority = createTestAuthority()
      await using server = await testServer({
        h2: transport,
        tls: authority.issue({ names: ['127.0.0.1', 'localhost'] }),
      })
      const { port } = server
      const config = {
        transport: name,
        total: 5,
        concurrency: 1,
        insecure: false,
        'connect-timeout': '2s',
      } as const
      const run = async (tls: BenchInput['tls']): Promise<unknown> => {
        const [cell] = await load(port, config, 'unaryCall', { tls })
        return cell?.report.statusCodeDistribution
      }
      assert.deepEqual(await run({ ca: authority.ca, skipVerify: false }), { OK: 5 })
      assert.deepEqual(await run({ skipVerify: true }), { OK: 5 })
      assert.deepEqual(await run({ skipVerify: false }), { Unavailable: 5 })
    })
    it('counts a deadline as DeadlineExceeded', async () => {
      await using server = createServer({ h2: transport })
      server.add(TestService, { unaryCall: () => new Promise(() => undefined) })
      const { port } = await server.listen('127.0.0.1:0')
      const [cell] = await load(port, {
        transport: name,
        total: 4,
        concurrency: 4,
        timeout: '60ms',
      })
      assert.deepEqual(cell?.report.statusCodeDistribution, { DeadlineExceeded: 4 })
    })
  })
}

describe('the load tool at a distance', () => {
  it('adds the round trip, and says that the window of the server sets the rate', async () => {
    await using server = await testServer({
      flow: { stream: 65_535, connection: 65_535, autoTune: false },
    })
    const { port } = server
    const [cell] = await load(port, {
      rtt: '30ms',
      total: 300,
      concurrency: 150,
      warmup: '0',
      data: JSON.stringify({ payload: { body: Buffer.alloc(4096).toString('base64') } }),
    })
    const { report } = cell as BenchCell
    assert.deepEqual(report.statusCodeDistribution, { OK: 300 })
    assert.ok(report.fastest >= 30e6, String(report.fastest))
    assert.ok(report.tidemill.verdict.rttMs >= 30)
    assert.equal(report.tidemill.verdict.bound, 'window', report.tidemill.verdict.text)
    assert.equal(report.tidemill.verdict.side, 'server')
  })
  it('says that our own window sets the rate of large responses, and that a larger one does not', async () => {
    await using server = await testServer()
    const { port } = server
    const cells = await load(port, {
      rtt: '20ms',
      windows: '64k/64k,8m/16m',
      total: 150,
      concurrency: 50,
      warmup: '0',
      data: '{"responseSize":8192}',
    })
    const [small, large] = cells.map((cell) => cell.report)
    assert.equal(small?.tidemill.verdict.bound, 'window', small?.tidemill.verdict.text)
    assert.equal(small?.tidemill.verdict.side, 'client')
    assert.equal(large?.tidemill.verdict.bound, 'none', large?.tidemill.verdict.text)
    assert.ok((large?.rps ?? 0) > 2 * (small?.rps ?? 0))
  })
})

describe('the load tool against what is no server', () => {
  it('reports Unavailable for a port where nobody listens', async () => {
    const closed = createTcpServer()
    closed.listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    closed.close()
    await once(closed, 'close')
    const [cell] = await load(port, { total: 5, concurrency: 2 })
    assert.deepEqual(cell?.report.statusCodeDistribution, { Unavailable: 5 })
  })
})
