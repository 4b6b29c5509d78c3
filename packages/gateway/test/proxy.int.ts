import assert from 'node:assert/strict'
import { request as openRequest, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import {
  codeOf,
  echo,
  exchange,
  type Harness,
  listen,
  openHarness,
  orderRoute,
  policy,
  until,
} from './harness.ts'

/** Sends a request text with Host filled in, asks for the connection to be closed, gives the status line's code and the TM_ code. */
async function ask(h: Harness, text: string): Promise<readonly [number, string | undefined]> {
  const answer = await exchange(h.gateway.url, text.replaceAll('\n', '\r\n'))
  const code = /"code":"(\w+)"/u.exec(answer)?.[1]
  return [Number(answer.slice(9, 12)), code]
}

/** A backend that answers every connection with these bytes and ends it. */
async function rawBackend(h: Harness, answer: (socket: Socket) => void): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('data', () => answer(socket))
  })
  h.gateway.setBackend('shop/order', [await listen(server)])
  h.defer(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
}

describe('proxy: requests that are refused', () => {
  let h: Harness
  before(async () => {
    h = await openHarness()
  })
  after(() => h[Symbol.asyncDispose]())
  const close = 'Connection: close\n\n'
  const cases: readonly (readonly [string, string, number, string])[] = [
    [
      'two Host lines',
      `GET /orders HTTP/1.1\nHost: a\nHost: a\n${close}`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    ['a Host list', `GET /orders HTTP/1.1\nHost: a, b\n${close}`, 400, 'TM_GATEWAY_BAD_REQUEST'],
    ['a user in Host', `GET /orders HTTP/1.1\nHost: u@a\n${close}`, 400, 'TM_GATEWAY_BAD_REQUEST'],
    ['an empty Host', `GET /orders HTTP/1.1\nHost:\n${close}`, 400, 'TM_GATEWAY_BAD_REQUEST'],
    ['no Host', `GET /orders HTTP/1.1\n${close}`, 400, 'TM_GATEWAY_BAD_REQUEST'],
    [
      'a foreign scheme',
      `GET https://a/orders HTTP/1.1\nHost: a\n${close}`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    ['an asterisk target', `GET * HTTP/1.1\nHost: a\n${close}`, 400, 'TM_GATEWAY_BAD_REQUEST'],
    ['a fragment', `GET /orders#x HTTP/1.1\nHost: a\n${close}`, 400, 'TM_GATEWAY_BAD_REQUEST'],
    ['a backslash', `GET /orders\\x HTTP/1.1\nHost: a\n${close}`, 400, 'TM_GATEWAY_BAD_REQUEST'],
    ['a quote', `GET /orders"x HTTP/1.1\nHost: a\n${close}`, 400, 'TM_GATEWAY_BAD_REQUEST'],
    [
      'a broken escape',
      `GET /orders/%zz HTTP/1.1\nHost: a\n${close}`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    [
      'an escaped NUL',
      `GET /orders/%00 HTTP/1.1\nHost: a\n${close}`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    [
      'coding in HTTP/1.0',
      `POST /orders HTTP/1.0\nHost: a\nTransfer-Encoding: chunked\n\n0\n\n`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    [
      'an unknown coding',
      `POST /orders HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked\n${close}0\n\n`,
      501,
      'TM_GATEWAY_CODING',
    ],
    [
      'an empty coding',
      `POST /orders HTTP/1.1\nHost: a\nTransfer-Encoding: ,chunked\n${close}0\n\n`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    [
      'a length with a zero in front',
      `POST /orders HTTP/1.1\nHost: a\nContent-Length: 01\n${close}x`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    [
      'length and coding',
      `POST /orders HTTP/1.1\nHost: a\nContent-Length: 3\nTransfer-Encoding: chunked\n${close}0\n\n`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    [
      'Connection naming framing',
      'GET /orders HTTP/1.1\nHost: a\nConnection: close, Content-Length\n\n',
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    [
      'obs-fold',
      `GET /orders HTTP/1.1\nHost: a\nX: 1\n 2\n${close}`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    [
      'a space before the colon',
      `GET /orders HTTP/1.1\nHost : a\n${close}`,
      400,
      'TM_GATEWAY_BAD_REQUEST',
    ],
    ['another version', `GET /orders HTTP/2.0\nHost: a\n${close}`, 505, 'TM_GATEWAY_VERSION'],
    [
      'an unknown expectation',
      `GET /orders HTTP/1.1\nHost: a\nExpect: y\n${close}`,
      417,
      'TM_GATEWAY_EXPECTATION',
    ],
    ['TRACE', `TRACE /orders HTTP/1.1\nHost: a\n${close}`, 405, 'TM_GATEWAY_METHOD'],
    ['CONNECT', `CONNECT a:1 HTTP/1.1\nHost: a:1\n${close}`, 405, 'TM_GATEWAY_METHOD'],
    [
      'a target of 9 KB',
      `GET /${'a'.repeat(9000)} HTTP/1.1\nHost: a\n${close}`,
      414,
      'TM_GATEWAY_URI_TOO_LONG',
    ],
    [
      '101 fields',
      `GET /orders HTTP/1.1\nHost: a\n${'X: 1\n'.repeat(100)}${close}`,
      431,
      'TM_GATEWAY_HEADERS_TOO_LARGE',
    ],
    [
      '20 KB of fields',
      `GET /orders HTTP/1.1\nHost: a\nX: ${'x'.repeat(20_000)}\n${close}`,
      431,
      'TM_GATEWAY_HEADERS_TOO_LARGE',
    ],
  ]
  for (const [what, text, status, code] of cases) {
    it(`answers ${status} to ${what}`, async () => {
      assert.deepEqual(await ask(h, text), [status, code])
      assert.equal(h.seen.length, 0)
    })
  }

  it('answers 508 to a request that has passed it before', async () => {
    h.gateway.setBackend('shop/order', [h.gateway.url])
    assert.equal(await codeOf(await h.get('/orders')), 'TM_GATEWAY_LOOP')
  })
})

describe('proxy: requests that are passed on', () => {
  it('takes the authority of an absolute target for Host, and keeps //host a path', async () => {
    await using h = await openHarness()
    await h.gateway.putRoute(orderRoute({ matches: [{}] }))
    await ask(h, 'GET http://real.test/orders HTTP/1.1\nHost: fake\nConnection: close\n\n')
    await ask(h, 'GET //evil.test/orders HTTP/1.1\nHost: a\nConnection: close\n\n')
    assert.deepEqual(h.seen[0]?.headers.slice(0, 2), ['host', 'real.test'])
    assert.equal(h.seen[0]?.url, '/orders')
    assert.equal(h.seen[1]?.url, '//evil.test/orders')
  })

  it('drops hop-by-hop fields, those that Connection names, and names with an underscore', async () => {
    await using h = await openHarness()
    const fields =
      'Connection: close, X-Secret, X-Forwarded-For\nX-Secret: 1\nKeep-Alive: 1\nTE: trailers, gzip\nUpgrade: h2c\nProxy-Authorization: x\nX_User: root\nX-User: me\nX-Ok: 1\nX-Ok: 2\n'
    await ask(h, `GET /orders HTTP/1.1\nHost: a\n${fields}\n`)
    const raw = h.seen[0]?.headers ?? []
    const names = raw.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
    for (const gone of ['x-secret', 'keep-alive', 'upgrade', 'proxy-authorization', 'x_user']) {
      assert.ok(!names.includes(gone), gone)
    }
    assert.equal(names.filter((name) => name === 'x-ok').length, 2)
    assert.ok(names.includes('x-user') && names.includes('x-forwarded-for'))
    assert.equal(raw[raw.indexOf('te') + 1], 'trailers')
  })

  it('sends chunked bodies on chunked and announced ones with their length', async () => {
    await using h = await openHarness()
    await ask(
      h,
      'POST /orders HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nConnection: close\n\n3\nabc\n0\n\n',
    )
    await ask(h, 'POST /orders HTTP/1.1\nHost: a\nContent-Length: 3\nConnection: close\n\nabc')
    await ask(h, 'GET /orders HTTP/1.1\nHost: a\nContent-Length: 3\nConnection: close\n\nabc')
    await ask(h, 'POST /orders HTTP/1.1\nHost: a\nConnection: close\n\n')
    const framing = h.seen.map(({ headers }) =>
      headers.flatMap((name, i) =>
        i % 2 === 0 && /^(?:content-length|transfer-encoding)$/iu.test(name)
          ? [`${name}: ${headers[i + 1]}`]
          : [],
      ),
    )
    assert.deepEqual(framing, [
      ['transfer-encoding: chunked'],
      ['content-length: 3'],
      ['content-length: 3'],
      ['content-length: 0'],
    ])
  })

  it('asks for the body with 100 Continue', async () => {
    await using h = await openHarness()
    const text =
      'POST /orders HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab'
    const answer = await exchange(h.gateway.url, text)
    assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/u)
  })

  it('streams 8 MiB both ways', async () => {
    await using h = await openHarness()
    h.answer = (req, res) => void req.pipe(res)
    const sent = Buffer.alloc(8 * 1024 * 1024, 'tidemill')
    const response = await h.get('/orders', { method: 'PUT', body: sent })
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(sent))
  })

  it('stops reading from the upstream while the client does not read', async () => {
    await using h = await openHarness()
    let written = 0
    h.answer = (_req, res) => {
      const chunk = Buffer.alloc(256 * 1024)
      const fill = (): void => {
        // Up to 256 MiB, were nobody to hold it back.
        while (written < 1024 && res.write(chunk)) written++
      }
      res.on('drain', fill)
      fill()
    }
    const client = openRequest(`${h.gateway.url}/orders`)
    client.end()
    await new Promise((resolve) => {
      client.on('response', (response) => {
        response.pause()
        resolve(undefined)
      })
    })
    let last = -1
    while (last !== written) {
      last = written
      for (let i = 0; i < 200; i++) await until(() => true)
      await h.clock.advance(0)
    }
    assert.ok(written < 512, `${written} chunks went through`)
    client.on('error', () => undefined)
    client.destroy()
    await until(() => h.gateway.requests(1)[0]?.flag === 'DC')
  })

  it('passes HEAD, 204 and 304 without a body and keeps the connection usable', async () => {
    await using h = await openHarness()
    h.answer = (req, res) => {
      if (req.method === 'HEAD') res.setHeader('Content-Length', '10')
      else res.statusCode = req.url === '/orders/304' ? 304 : 204
      res.end()
    }
    const text = `HEAD /orders HTTP/1.1\nHost: a\n\nGET /orders/304 HTTP/1.1\nHost: a\n\nGET /orders HTTP/1.1\nHost: a\nConnection: close\n\n`
    const answer = await exchange(h.gateway.url, text.replaceAll('\n', '\r\n'))
    assert.deepEqual(
      [...answer.matchAll(/HTTP\/1\.1 (\d+)/gu)].map((m) => m[1]),
      ['200', '304', '204'],
    )
    assert.match(answer, /content-length: 10/iu)
  })
})

describe('proxy: limits, timeouts and failures', () => {
  it('answers 413 to an announced and to a chunked body over the limit', async () => {
    await using h = await openHarness({ maxBodyBytes: 1000 })
    const big = 'x'.repeat(2000)
    const announced = `POST /orders HTTP/1.1\nHost: a\nContent-Length: 2000\n\n${big}`
    assert.deepEqual(
      await ask(h, `${announced}GET /orders HTTP/1.1\nHost: a\nConnection: close\n\n`),
      [413, 'TM_GATEWAY_BODY_TOO_LARGE'],
    )
    const chunked = `POST /orders HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nConnection: close\n\n7d0\n${big}\n0\n\n`
    assert.deepEqual(await ask(h, chunked), [413, 'TM_GATEWAY_BODY_TOO_LARGE'])
    assert.equal(h.gateway.breakers()[0]?.failures, 0)
  })

  it('answers 504 when the upstream does not answer in time, and counts it', async () => {
    await using h = await openHarness()
    h.answer = () => undefined
    const response = h.get('/orders')
    await until(() => h.seen.length === 1)
    await h.clock.advance(5000)
    assert.equal((await response).status, 504)
    assert.equal(await codeOf(await response), 'TM_GATEWAY_TIMEOUT')
    assert.equal(h.gateway.requests(1)[0]?.flag, 'UT')
    assert.equal(h.gateway.breakers()[0]?.failures, 1)
  })

  it('times the request out as its rule says, 0s being never', async () => {
    await using h = await openHarness()
    await h.gateway.putRoute(orderRoute({ timeouts: { request: '0s', backendRequest: '0s' } }))
    let release: (() => void) | undefined
    h.answer = (_req, res) => {
      release = () => res.end()
    }
    const response = h.get('/orders')
    await until(() => release !== undefined)
    await h.clock.advance(600_000)
    release?.()
    assert.equal((await response).status, 200)
  })

  it('answers 408 when the client does not send its body, and does not blame the upstream', async () => {
    await using h = await openHarness()
    const answer = ask(h, 'POST /orders HTTP/1.1\nHost: a\nContent-Length: 10\n\nabc')
    await until(() => h.seen.length === 1)
    await h.clock.advance(15_000)
    await until(() => h.gateway.requests(1)[0]?.status === 408)
    // The rest never comes: the connection ends a second after the answer.
    await h.clock.advance(1000)
    const [status, code] = await answer
    assert.deepEqual([status, code], [408, 'TM_GATEWAY_CLIENT_TIMEOUT'])
    assert.equal(h.gateway.breakers()[0]?.failures, 0)
  })

  it('lets a slow stream run, and breaks it off after silence', async () => {
    await using h = await openHarness()
    await h.gateway.putPolicy(policy({ timeouts: { idle: '20s' } }))
    let stream: ServerResponse | undefined
    h.answer = (_req, res) => {
      res.write('first')
      stream = res
    }
    const response = await h.get('/orders')
    const reader = response.body?.getReader()
    await reader?.read()
    for (let i = 0; i < 5; i++) {
      await h.clock.advance(15_000)
      stream?.write('more')
      await reader?.read()
    }
    assert.equal(h.gateway.breakers()[0]?.calls, 1)
    await h.clock.advance(20_000)
    await assert.rejects(Promise.resolve(reader?.read()))
    assert.equal(h.gateway.requests(1)[0]?.flag, 'SI')
  })

  it('cancels the upstream when the client leaves, and does not count it', async () => {
    await using h = await openHarness()
    let cancelled = false
    h.answer = (req) => {
      req.on('close', () => {
        cancelled = true
      })
    }
    const abort = new AbortController()
    const response = h.get('/orders', { signal: abort.signal })
    await until(() => h.seen.length === 1)
    abort.abort()
    await assert.rejects(response)
    // It looks like a client that has sent all it has to say: it is probed after a while.
    await until(() => cancelled, h.clock)
    const [record] = h.gateway.requests(1)
    assert.deepEqual([record?.status, record?.flag], [0, 'DC'])
    assert.equal(h.gateway.breakers()[0]?.calls, 0)
    assert.equal(
      h.gateway.metrics().every(({ active }) => active === 0),
      true,
    )
  })

  it('answers 502 when nobody listens, and counts it', async () => {
    await using h = await openHarness()
    h.gateway.setBackend('shop/order', ['http://127.0.0.1:1'])
    const response = await h.get('/orders')
    assert.equal(response.status, 502)
    assert.equal(await codeOf(response), 'TM_GATEWAY_UPSTREAM')
    assert.equal(h.gateway.requests(1)[0]?.flag, 'UF')
    assert.equal(h.gateway.breakers()[0]?.failures, 1)
  })

  const garbage: readonly (readonly [string, string])[] = [
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc'],
    ['20 KB of fields', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['an SSH banner', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['nothing', ''],
    ['interim answers without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000)],
    ['status 99', 'HTTP/1.1 99 X\r\n\r\n'],
    ['status 999', 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'],
    ['NUL in a value', 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n'],
    ['a coding that is not chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc'],
    [
      'a switch of protocols',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    ],
  ]
  for (const [what, bytes] of garbage) {
    it(`answers 502 when the upstream sends ${what}`, async () => {
      await using h = await openHarness()
      await rawBackend(h, (socket) => socket.end(bytes, 'latin1'))
      const response = await h.get('/orders')
      assert.equal(response.status, 502)
      assert.equal(await codeOf(response), 'TM_GATEWAY_UPSTREAM')
      assert.equal(h.gateway.breakers()[0]?.failures, 1)
    })
  }

  const cut: readonly (readonly [string, string])[] = [
    ['a short body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'],
    ['a truncated chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nabc'],
  ]
  for (const [what, bytes] of cut) {
    it(`breaks the client's connection off after ${what}`, async () => {
      await using h = await openHarness()
      await rawBackend(h, (socket) => socket.end(bytes))
      const answer = await exchange(h.gateway.url, 'GET /orders HTTP/1.1\r\nHost: a\r\n\r\n')
      assert.ok(!answer.includes('\r\n0\r\n\r\n'))
      assert.equal(h.gateway.requests(1)[0]?.flag, 'UC')
      assert.equal(h.gateway.breakers()[0]?.failures, 1)
    })
  }

  it('passes on an unsolicited 100 Continue before the answer', async () => {
    await using h = await openHarness()
    const bytes = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    await rawBackend(h, (socket) => socket.end(bytes))
    const request = 'GET /orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    const answer = await exchange(h.gateway.url, request)
    assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/u)
  })

  it('refuses more requests in flight than the limit, and asks to come back', async () => {
    await using h = await openHarness()
    const limit = {
      apiVersion: 'gateway.tidemill.dev/v1',
      kind: 'BackendPolicy',
      metadata: { name: 'order', namespace: 'shop' },
      spec: { targetRefs: [{ kind: 'Service', name: 'order' }], active: 1 },
    }
    const key = '/tidemill/gw/v1/objects/BackendPolicy/shop/order'
    const { revision } = await h.kv.put(key, JSON.stringify(limit))
    await until(() => h.gateway.revision >= revision)
    let release: (() => void) | undefined
    h.answer = (_req, res) => {
      release = () => res.end()
    }
    const running = h.get('/orders')
    await until(() => release !== undefined)
    const refused = await h.get('/orders')
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.equal(await codeOf(refused), 'TM_GATEWAY_OVERLOADED')
    release?.()
    assert.equal((await running).status, 200)
    h.answer = echo
    assert.equal((await h.get('/orders')).status, 200)
  })
})
