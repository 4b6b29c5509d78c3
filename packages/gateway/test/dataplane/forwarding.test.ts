import assert from 'node:assert/strict'
import { it } from 'node:test'
import {
  hello,
  openRig,
  openUpstream,
  plainListener,
  type RawUpstream,
  replying,
  viewOf,
} from './rig.ts'
import type { TestContext } from 'node:test'

/** An upstream that keeps the heads it gets. */
async function recorder(
  t: TestContext,
  answer: string = hello,
): Promise<RawUpstream & { readonly heads: string[] }> {
  const heads: string[] = []
  const upstream = await openUpstream(
    t,
    replying((head) => {
      heads.push(head)
      return answer
    }),
  )
  return Object.assign(upstream, { heads })
}

function lines(head: string | undefined): string[] {
  return (head ?? '').split('\r\n').filter((line) => line !== '')
}

function get(path: string, fields: string = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`
}

it('forwards what was routed and says how it came', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const client = rig.client().send(get('/a/b?x=1', 'X-Env: prod\r\n'))
  const text = await client.until('hello')
  assert.deepEqual(lines(upstream.heads[0]), [
    'GET /a/b?x=1 HTTP/1.1',
    'host: a.example',
    'x-env: prod',
    'x-request-id: id-1',
    'x-forwarded-for: 127.0.0.1',
    'x-forwarded-proto: http',
    'x-forwarded-host: a.example',
    'x-forwarded-port: 80',
    'via: 1.1 tidemill-test',
    'x-envoy-expected-rq-timeout-ms: 5000',
  ])
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/u)
  assert.match(text, /\r\nvia: 1\.1 tidemill-test\r\n/u)
  assert.match(text, /\r\nx-request-id: id-1\r\n/u)
  assert.match(text, /\r\ndate: /u)
  const [told] = rig.told
  assert.deepEqual(told?.heads, [200])
  assert.deepEqual(told?.settled, ['ok'])
  assert.equal(told?.finishes, 1)
  assert.deepEqual([told?.status, told?.flag], [200, ''])
  assert.equal(told?.facts?.bytesOut, 5)
  assert.equal(told?.facts?.host, `127.0.0.1:${upstream.port}`)
})

it('works on bytes that come one at a time', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const client = rig.client()
  for (const byte of get('/slow', 'X-A: 1\r\n')) {
    client.send(byte)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await client.until('hello')
  assert.equal(lines(upstream.heads[0])[0], 'GET /slow HTTP/1.1')
})

it('answers the requests of a connection one after another, a pipeline too', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const client = rig.client().send(get('/1') + get('/2') + get('/3'))
  await client.until((text) => text.split('hello').length === 4)
  assert.deepEqual(
    upstream.heads.map((head) => lines(head)[0]),
    ['GET /1 HTTP/1.1', 'GET /2 HTTP/1.1', 'GET /3 HTTP/1.1'],
  )
  assert.equal(upstream.peers.length, 1)
})

it('matches, forwards and logs the same path', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const paths: readonly (readonly [string, string])[] = [
    ['/admin/%2e%2e/x', '/x'],
    ['/a//../b', '/a/b'],
    ['/%61dmin', '/admin'],
    ['/a%2fb', '/a%2Fb'],
    ['//evil/x', '//evil/x'],
    ['/a/./b/../c?../%2e', '/a/c?../%2e'],
    ['/?', '/?'],
  ]
  for (const [sent, expected] of paths) {
    const client = rig.client().send(get(sent))
    await client.until('hello')
    const { view } = rig.told.at(-1) ?? {}
    assert.equal(lines(upstream.heads.at(-1))[0], `GET ${expected} HTTP/1.1`)
    assert.equal((view as { target: string }).target, expected)
    assert.equal(view?.path, expected.split('?')[0])
    client.socket.destroy()
  }
})

it('takes the authority of an absolute target for the host', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const client = rig
    .client()
    .send('GET http://b.example:8080/x HTTP/1.1\r\nHost: a.example\r\n\r\n')
  await client.until('hello')
  assert.deepEqual(lines(upstream.heads[0]).slice(0, 2), [
    'GET /x HTTP/1.1',
    'host: b.example:8080',
  ])
  assert.equal(rig.told[0]?.view.host, 'b.example:8080')
})

it('drops fields of the connection and what Connection names, not what it adds itself', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const fields = [
    'Connection: keep-alive, X-Drop, X-Forwarded-For, Via, Authorization',
    'X-Drop: 1',
    'Authorization: secret',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'Proxy-Authorization: Basic x',
    'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
    'Upgrade: h2c',
    'TE: trailers, gzip',
    'X_User: root',
    'X-Forwarded-Client-Cert: Hash=1',
    'X-Keep: 1',
  ]
  const client = rig.client().send(get('/', `${fields.join('\r\n')}\r\n`))
  await client.until('hello')
  assert.deepEqual(lines(upstream.heads[0]).slice(2), [
    'x-keep: 1',
    'x-request-id: id-1',
    'x-forwarded-for: 127.0.0.1',
    'x-forwarded-proto: http',
    'x-forwarded-host: a.example',
    'x-forwarded-port: 80',
    'via: 1.1 tidemill-test',
    'x-envoy-expected-rq-timeout-ms: 5000',
    'te: trailers',
    'connection: te',
  ])
})

it('replaces forwarding fields of a client that is no trusted proxy', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const fields = [
    'X-Forwarded-For: 1.2.3.4',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil',
    'X-Forwarded-Port: 1',
    'Forwarded: for=1.2.3.4',
    'Via: 1.1 other',
    'X-Request-Id: mine-1',
    'X-Envoy-Expected-Rq-Timeout-Ms: 1',
  ]
  const client = rig.client().send(get('/', `${fields.join('\r\n')}\r\n`))
  await client.until('hello')
  assert.deepEqual(lines(upstream.heads[0]).slice(2), [
    'x-request-id: mine-1',
    'x-forwarded-for: 127.0.0.1',
    'x-forwarded-proto: http',
    'x-forwarded-host: a.example',
    'x-forwarded-port: 80',
    'via: 1.1 other, 1.1 tidemill-test',
    'x-envoy-expected-rq-timeout-ms: 5000',
  ])
  assert.equal(viewOf(rig).clientAddress, '127.0.0.1')
})

it('believes trusted proxies and adds to what they say', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port, { settings: { trustedHops: 1 } })
  const fields =
    'X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-Proto: https\r\nForwarded: for=1.2.3.4\r\n'
  const client = rig.client().send(get('/', fields))
  await client.until('hello')
  const head = lines(upstream.heads[0])
  assert.ok(head.includes('x-forwarded-for: 6.6.6.6, 1.2.3.4, 127.0.0.1'))
  assert.ok(head.includes('x-forwarded-proto: https'))
  assert.ok(head.includes('x-forwarded-host: a.example'))
  assert.ok(
    head.includes('forwarded: for=1.2.3.4, for=127.0.0.1;host="a.example";proto=http'),
    head.join('\n'),
  )
  assert.equal(viewOf(rig).clientAddress, '1.2.3.4')
})

it('keeps repeated fields and names of object prototypes as they are', async (t) => {
  const answer =
    'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n__Proto: 1\r\nconstructor: c\r\nContent-Length: 0\r\n\r\n'
  const upstream = await recorder(t, answer)
  const rig = await openRig(t, upstream.port)
  const client = rig.client().send(get('/', 'constructor: x\r\ntoString: y\r\nA: 1\r\nA: 2\r\n'))
  const text = await client.until('\r\n\r\n')
  assert.deepEqual(lines(upstream.heads[0]).slice(2, 6), [
    'constructor: x',
    'tostring: y',
    'a: 1',
    'a: 2',
  ])
  assert.match(text, /set-cookie: a=1\r\nset-cookie: b=2\r\n/u)
  assert.match(text, /\r\n__proto: 1\r\nconstructor: c\r\n/u)
})

it('drops fields of the upstream connection from a response', async (t) => {
  const answer =
    'HTTP/1.1 200 Fine\r\nConnection: close, X-Inner\r\nX-Inner: 1\r\nKeep-Alive: timeout=5\r\nAlt-Svc: h3=":443"\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nok'
  const upstream = await recorder(t, answer)
  const rig = await openRig(t, upstream.port)
  const client = rig.client().send(get('/'))
  const text = await client.until('\r\n\r\nok')
  assert.doesNotMatch(text, /x-inner|keep-alive|alt-svc|proxy-auth|connection/iu)
})

it('stops a request that has passed here before', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const client = rig.client().send(get('/', 'Via: 1.1 tidemill-test\r\n'))
  const text = await client.until('TM_GATEWAY_LOOP')
  assert.match(text, /^HTTP\/1\.1 508 /u)
  assert.match(text, /proxy-status: tidemill; error=proxy_loop_detected/u)
  assert.equal(upstream.heads.length, 0)
  assert.equal(rig.told[0]?.flag, 'LH')
})

it('answers OPTIONS that may go no further, and counts hops down', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const options = (hops: number): string =>
    `OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${hops}\r\n\r\n`
  const client = rig.client().send(options(0))
  assert.match(await client.until('\r\n\r\n'), /^HTTP\/1\.1 204 .*\r\nallow: GET/su)
  client.send(options(3))
  await client.until('hello')
  assert.ok(lines(upstream.heads[0]).includes('max-forwards: 2'))
})

it('changes header fields as the route says, set, add and remove', async (t) => {
  const answer =
    'HTTP/1.1 200 OK\r\nX-Gone: 1\r\nX-Set: a\r\nX-Set: b\r\nX-Add: a\r\nContent-Length: 0\r\n\r\n'
  const upstream = await recorder(t, answer)
  const rig = await openRig(t, upstream.port)
  const filter = {
    set: [
      { name: 'X-Set', value: 's' },
      { name: 'Content-Length', value: '7' },
    ],
    add: [
      { name: 'X-Add', value: 'b' },
      { name: 'X-New', value: 'n' },
    ],
    remove: ['x-gone', 'Host'],
  }
  rig.decide = () => ({
    forward: {
      requestHeaders: [filter],
      responseHeaders: [filter],
      addedHeaders: ['x-consumer', 'alice'],
    },
    answerHeaders: ['ratelimit', '"a";r=1;t=2'],
  })
  const fields = 'X-Gone: 1\r\nX-Set: a\r\nX-Add: a\r\nX-Consumer: mallory\r\n'
  const client = rig.client().send(get('/', fields))
  const text = await client.until('\r\n\r\n')
  const head = lines(upstream.heads[0])
  assert.deepEqual(head.slice(1, 5), [
    'host: a.example',
    'x-set: s',
    'x-add: a,b',
    'x-consumer: alice',
  ])
  assert.ok(head.includes('x-new: n'))
  assert.ok(!head.some((line) => line.startsWith('x-gone') || line.startsWith('content-length')))
  assert.match(text, /^HTTP\/1\.1 200 OK\r\nx-set: s\r\nx-add: a,b\r\nx-new: n\r\n/u)
  assert.match(text, /\r\nratelimit: "a";r=1;t=2\r\n/u)
  assert.doesNotMatch(text, /x-gone/u)
})

it('answers by itself what the decision says', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  rig.decide = () => ({
    answer: { status: 302, headers: ['location', 'https://b/'], body: '' },
    answerHeaders: ['vary', 'origin'],
  })
  const client = rig.client().send(get('/'))
  const text = await client.until('\r\n\r\n')
  assert.match(text, /^HTTP\/1\.1 302 Found\r\nlocation: https:\/\/b\/\r\n/u)
  assert.match(text, /\r\nvary: origin\r\n/u)
  assert.match(text, /\r\ncontent-length: 0\r\n/u)
  assert.equal(rig.told[0]?.status, 302)
})

it('waits for a decision, with the body that comes meanwhile', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  let decided: (() => void) | undefined
  rig.decide = () => ({ wait: (call) => void (decided = call) })
  const client = rig.client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab')
  while (rig.told.length === 0) await new Promise((resolve) => setImmediate(resolve))
  client.send('cde')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(upstream.peers.length, 0)
  decided?.()
  await client.until('hello')
  assert.equal(rig.told[0]?.facts?.bytesIn, 5)
})

it('answers 404 where no listener takes the host, 421 where the connection is for another', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const asked: string[] = []
  rig.resolve = (host) => {
    asked.push(host)
    return host === 'other.example' ? 'misdirected' : undefined
  }
  const client = rig.client().send('GET / HTTP/1.1\r\nHost: A.Example:8080\r\n\r\n')
  assert.match(await client.until('TM_GATEWAY_NO_ROUTE'), /^HTTP\/1\.1 404 /u)
  client.text = ''
  client.send('GET / HTTP/1.1\r\nHost: other.example\r\n\r\n')
  assert.match(await client.until('TM_GATEWAY_MISDIRECTED'), /^HTTP\/1\.1 421 /u)
  assert.deepEqual(asked, ['a.example', 'other.example'])
  assert.deepEqual(
    rig.told.map(({ status, flag }) => [status, flag]),
    [
      [404, 'NR'],
      [421, 'NR'],
    ],
  )
})

it('answers 500 to a fault of its own and goes on', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  rig.decide = () => {
    throw new Error('a bug')
  }
  const client = rig.client().send(get('/'))
  const text = await client.until('TM_GATEWAY_INTERNAL')
  assert.match(text, /^HTTP\/1\.1 500 /u)
  assert.doesNotMatch(text, /a bug/u)
  assert.match(rig.logged[0] ?? '', /a bug/u)
  rig.decide = () => ({})
  client.send(get('/'))
  await client.until('hello')
})

it('says https and the client’s identity on a connection of TLS, and resolves by its server name', async (t) => {
  const upstream = await recorder(t)
  const rig = await openRig(t, upstream.port)
  const peer = {
    serverName: 'a.example',
    verified: true,
    fingerprint: 'ab',
    subject: 'CN=client',
    dnsNames: [],
    uris: [],
  }
  rig.facts = { protocol: 'http/1.1', peer, port: 443 }
  const names: string[] = []
  rig.resolve = (host, serverName) => {
    names.push(`${host} ${serverName}`)
    return plainListener
  }
  const client = rig.client().send(get('/'))
  await client.until('hello')
  const head = lines(upstream.heads[0])
  assert.ok(head.includes('x-forwarded-proto: https'))
  assert.ok(head.includes('x-forwarded-port: 443'))
  assert.deepEqual(names, ['a.example a.example'])
  const view = viewOf(rig)
  assert.deepEqual([view.scheme, view.port, view.peer?.subject], ['https', 443, 'CN=client'])
})
