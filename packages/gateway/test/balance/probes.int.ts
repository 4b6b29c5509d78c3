import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { createServer as createRpcServer } from '@tidemill/rpc'
import { addHealth } from '@tidemill/rpc/health'
import { createTestAuthority } from '../../../../scripts/lib/certificates.ts'
import {
  createHost,
  grpcProbe,
  type HealthCheckSpec,
  type Host,
  httpProbe,
  type Probe,
  readHealthCheckSpec,
  tcpProbe,
} from '../../src/balance/index.ts'

const closing: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function listening(server: Server): Promise<Host> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return createHost({ address: '127.0.0.1', port }, 0)
}

async function httpHost(listener: RequestListener): Promise<[Host, () => number]> {
  const server = createHttpServer(listener)
  let connections = 0
  server.on('connection', () => connections++)
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return [await listening(server), () => connections]
}

async function rawHost(answer: string): Promise<Host> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end(answer))
  })
  closing.push(() => server.close())
  return listening(server)
}

/** A port that nobody listens on. */
async function deadHost(): Promise<Host> {
  const server = createTcpServer()
  const host = await listening(server)
  server.close()
  await once(server, 'close')
  return host
}

function opened(probe: Probe): Probe {
  closing.push(() => probe.close())
  return probe
}

function ask(probe: Probe): Promise<string | undefined> {
  return new Promise((resolve) => probe.check(resolve))
}

function config(spec: HealthCheckSpec): ReturnType<typeof readHealthCheckSpec> {
  return readHealthCheckSpec(spec, '', [])
}

describe('HTTP probe', () => {
  it('asks for its path with its method and host, over one connection', async () => {
    const asked: string[] = []
    const [host, connections] = await httpHost((request, response) => {
      asked.push(`${request.method} ${request.headers.host} ${request.url}`)
      response.end('fine')
    })
    const spec = { path: '/healthz?full=1', method: 'HEAD', host: 'shop.example' } as const
    const probe = opened(httpProbe(config(spec))(host))
    for (let i = 0; i < 3; i++) {
      assert.equal(await ask(probe), undefined)
      // The end of the answer comes with or after its head; the next check is seconds away in life.
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(asked, Array(3).fill('HEAD shop.example /healthz?full=1'))
    assert.equal(connections(), 1)
  })

  it('passes the expected statuses only', async () => {
    const [host] = await httpHost((request, response) => {
      response.writeHead(Number(request.url?.slice(1))).end()
    })
    const verdict = async (status: number, spec: HealthCheckSpec = {}): Promise<unknown> =>
      ask(opened(httpProbe(config({ path: `/${status}`, ...spec }))(host)))
    assert.equal(await verdict(204), undefined)
    assert.equal(await verdict(302), undefined)
    assert.equal(await verdict(404), 'status 404')
    assert.equal(await verdict(503), 'status 503')
    const expected = [404, '500-502']
    assert.equal(await verdict(404, { expected }), undefined)
    assert.equal(await verdict(501, { expected }), undefined)
    assert.equal(await verdict(200, { expected }), 'status 200')
  })

  it('connects again when the server has closed the connection between checks', async () => {
    const [host, connections] = await httpHost((_request, response) => {
      response.end('fine', () => response.socket?.destroy())
    })
    const probe = opened(httpProbe(config({}))(host))
    for (let i = 0; i < 3; i++) assert.equal(await ask(probe), undefined)
    assert.equal(connections(), 3)
  })

  it('fails on a refused connection and on what is no HTTP', async () => {
    const dead = opened(httpProbe(config({}))(await deadHost()))
    assert.match((await ask(dead)) ?? '', /ECONNREFUSED/u)
    const ssh = opened(httpProbe(config({}))(await rawHost('SSH-2.0-OpenSSH_9.6\r\n')))
    assert.match((await ask(ssh)) ?? '', /TM_HTTP1_PEER/u)
    const silent = opened(httpProbe(config({}))(await rawHost('')))
    assert.match((await ask(silent)) ?? '', /TM_HTTP1_CLOSED/u)
  })

  it('reads at most a little of an endless body', async () => {
    const [host, connections] = await httpHost((_request, response) => {
      const part = Buffer.alloc(65_536)
      const pump = (): void => {
        while (!response.destroyed && response.write(part));
      }
      response.on('drain', pump)
      response.on('error', () => undefined)
      pump()
    })
    const probe = opened(httpProbe(config({}))(host))
    assert.equal(await ask(probe), undefined)
    assert.equal(await ask(probe), undefined)
    assert.equal(connections(), 2)
  })

  it('speaks TLS and checks the certificate', async () => {
    const authority = createTestAuthority()
    const server = createHttpsServer(authority.issue({ names: ['127.0.0.1'] }), (_, response) =>
      response.end(),
    )
    closing.push(() => {
      server.closeAllConnections()
      server.close()
    })
    const host = await listening(server)
    const trusted = opened(httpProbe(config({}), { tls: { ca: authority.ca } })(host))
    assert.equal(await ask(trusted), undefined)
    const stranger = opened(httpProbe(config({}), { tls: {} })(host))
    assert.match((await ask(stranger)) ?? '', /certificate|self-signed/u)
  })

  it('says nothing after it was cancelled', async () => {
    const [host] = await httpHost(() => undefined)
    const probe = opened(httpProbe(config({}))(host))
    let said = 0
    probe.check(() => said++)
    probe.cancel()
    const [answering] = await httpHost((_request, response) => response.end())
    assert.equal(await ask(opened(httpProbe(config({}))(answering))), undefined)
    assert.equal(said, 0)
  })
})

describe('TCP probe', () => {
  it('passes when it can connect', async () => {
    const probe = opened(tcpProbe()(await rawHost('')))
    assert.equal(await ask(probe), undefined)
    assert.equal(await ask(probe), undefined)
  })

  it('fails when nobody listens', async () => {
    assert.match((await ask(opened(tcpProbe()(await deadHost())))) ?? '', /ECONNREFUSED/u)
  })
})

describe('gRPC probe', () => {
  it('passes while the server, or the service asked for, is SERVING', async () => {
    const server = createRpcServer()
    const health = addHealth(server)
    health.set('shop.Orders', 'NOT_SERVING')
    const { port } = await server.listen('127.0.0.1:0')
    closing.push(() => server.close())
    const host = createHost({ address: '127.0.0.1', port }, 0)
    const whole = opened(grpcProbe(config({ type: 'grpc' }))(host))
    const orders = opened(grpcProbe(config({ type: 'grpc', service: 'shop.Orders' }))(host))
    const unknown = opened(grpcProbe(config({ type: 'grpc', service: 'shop.None' }))(host))
    assert.equal(await ask(whole), undefined)
    assert.equal(await ask(orders), 'status NOT_SERVING')
    assert.equal(await ask(unknown), 'status SERVICE_UNKNOWN')
    health.set('shop.Orders', 'SERVING')
    health.set('', 'NOT_SERVING')
    assert.equal(await ask(orders), undefined)
    assert.equal(await ask(whole), 'status NOT_SERVING')
  })

  it('notices at the next check that a server is back', async () => {
    const host = await deadHost()
    const probe = opened(grpcProbe(config({ type: 'grpc', timeout: '1s' }))(host))
    for (let i = 0; i < 4; i++) assert.match((await ask(probe)) ?? '', /UNAVAILABLE|DEADLINE/u)
    const server = createRpcServer()
    addHealth(server)
    await server.listen(host.key)
    closing.push(() => server.close())
    assert.equal(await ask(probe), undefined)
  })
})
