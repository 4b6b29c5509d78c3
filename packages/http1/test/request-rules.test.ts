import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RequestHead, RequestParserOptions } from '@tidemill/http1'
import { latin1, type Recorder, requestParse, splits } from './recorder.ts'
import { get, post, refusals } from './request-refusals.ts'

const big = (size: number): string => 'a'.repeat(size)

function same(parse: (parts: readonly Buffer[]) => Recorder, bytes: Buffer): Recorder {
  const whole = parse([bytes])
  const step = bytes.length > 2000 ? 97 : 1
  let index = 0
  for (const parts of splits(bytes)) {
    if (index++ % step === 0 || parts.length > 2)
      assert.deepEqual(parse(parts).events, whole.events, `split at ${parts[0]?.length}`)
  }
  return whole
}

describe('a request is refused at every split of its bytes', () => {
  for (const [name, bytes, status, reason, options, goesOn] of refusals) {
    it(`${name}: ${status} ${reason}`, () => {
      const { verdict, heads } = same(requestParse(options), latin1(bytes))
      assert.equal(verdict?.reason, reason)
      assert.equal(verdict.status, status)
      assert.equal(verdict.close, goesOn !== true)
      const cut =
        reason === 'truncated' ||
        reason.startsWith('chunk') ||
        reason.startsWith('bare') ||
        reason.startsWith('trailer') ||
        reason === 'body-too-large'
      if (!cut) assert.equal(heads, 0, 'nobody heard of it')
    })
  }

  it('the refusal of a request whose framing is sound lets the next one through', () => {
    for (const [name, bytes, , , options, goesOn] of refusals) {
      if (goesOn !== true) continue
      const { events } = requestParse(options)([latin1(bytes + get('/next'))])
      const last = events.findLast((event) => 'head' in event)
      assert.equal((last as { head: RequestHead } | undefined)?.head.path, '/next', name)
    }
  })

  it('the verdict names the byte', () => {
    const position = (bytes: string): number | undefined =>
      requestParse()([latin1(bytes)]).verdict?.position
    assert.equal(position('GET / HTTP/1.1\r\nHost : a\r\n\r\n'), 20)
    assert.equal(position('GET /a#b HTTP/1.1\r\n'), 6)
    assert.equal(position('GET / HTTP/1.1\r\nHost: a\r\nX: a\0'), 29)
    assert.equal(position(post('Transfer-Encoding: chunked\r\n', '3\r\nabcX')), 62)
  })
})

function headOf(bytes: string, options: RequestParserOptions = {}): RequestHead {
  const { events } = same(requestParse(options), latin1(bytes))
  const event = events.find((one) => 'head' in one)
  assert.ok(event !== undefined, JSON.stringify(events))
  return (event as { head: RequestHead }).head
}

describe('a request is read', () => {
  it('with the authority of an absolute target in place of Host', () => {
    const head = headOf(get('http://b:81/x?y', 'Accept: 1\r\nHost: a\r\n'))
    assert.equal(head.authority, 'b:81')
    assert.equal(head.uri, '/x?y')
    assert.deepEqual(head.headers, ['accept', '1', 'host', 'b:81'])
    const old = headOf('GET http://b/ HTTP/1.0\r\n\r\n')
    assert.deepEqual(old.headers, ['host', 'b'])
    assert.equal(headOf(get('https://a'), { scheme: 'https' }).path, '/')
    assert.equal(headOf('OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n').path, '*')
    assert.equal(headOf('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n').path, '*')
  })

  it('with two slashes at its beginning, which are no host', () => {
    const head = headOf(get('//evil/x'))
    assert.equal(head.path, '//evil/x')
    assert.equal(head.authority, 'a')
  })

  it('with one path to route and to forward', () => {
    const paths: readonly [string, string][] = [
      ['/admin/%2e%2e/x', '/x'],
      ['/a//../b', '/a/b'],
      ['/%61dmin', '/admin'],
      ['/a%2fb', '/a%2Fb'],
      ['/a/./b/../c/', '/a/c/'],
      ['/../../x', '/x'],
      ['/a/..', '/'],
      ['/a/.', '/a/'],
      ['/%252e%252e/x', '/%252e%252e/x'],
      ['/..%2fx', '/..%2Fx'],
      ['/%7Euser/%c3%a9', '/~user/%C3%A9'],
      ['/.well-known/x', '/.well-known/x'],
      ['/a[1]|b', '/a[1]|b'],
    ]
    for (const [from, to] of paths) {
      const head = headOf(get(`${from}?q=%2e/../`))
      assert.equal(head.path, to)
      assert.equal(head.uri, `${to}?q=%2e/../`)
      assert.equal(head.query, 'q=%2e/../')
      assert.equal(head.target, `${from}?q=%2e/../`)
    }
    assert.equal(headOf(get('/a?')).uri, '/a?')
  })

  it('without names that collide in CGI-style backends', () => {
    assert.deepEqual(headOf(get('/', 'Host: a\r\nX_User: 1\r\nX-User: 2\r\n')).headers, [
      'host',
      'a',
      'x-user',
      '2',
    ])
    assert.deepEqual(
      headOf(get('/', 'Host: a\r\nX_User: 1\r\n'), { underscoreNames: 'keep' }).headers,
      ['host', 'a', 'x_user', '1'],
    )
  })

  it('with duplicate, prototype-like and empty fields in their order', () => {
    const fields =
      'Host: a\r\n__proto__: 1\r\nconstructor: 2\r\nSet-Cookie: a\r\nset-cookie: b\r\nX:\r\nY: \t v \t\r\nZ: \xe9\r\n'
    assert.deepEqual(headOf(get('/', fields), { underscoreNames: 'keep' }).headers, [
      'host',
      'a',
      '__proto__',
      '1',
      'constructor',
      '2',
      'set-cookie',
      'a',
      'set-cookie',
      'b',
      'x',
      '',
      'y',
      'v',
      'z',
      '\xe9',
    ])
  })

  it('with the names that Connection nominates', () => {
    const head = headOf(
      get(
        '/',
        'Host: a\r\nConnection: keep-alive, X-Forwarded-For\r\nconnection: , Authorization,\r\n',
      ),
    )
    assert.deepEqual(head.nominated, ['x-forwarded-for', 'authorization'])
    assert.equal(head.keepAlive, true)
  })

  it('with only allowed upgrades', () => {
    const fields = (name: string): string =>
      `Host: a\r\nConnection: Upgrade\r\nUpgrade: ${name}\r\n`
    assert.equal(headOf(get('/', fields('websocket'))).upgrade, '')
    assert.equal(
      headOf(get('/', fields('WebSocket')), { upgrades: ['websocket'] }).upgrade,
      'websocket',
    )
    assert.equal(headOf(get('/', fields('h2c')), { upgrades: ['h2c'] }).upgrade, '')
    assert.equal(
      headOf(get('/', 'Host: a\r\nUpgrade: websocket\r\n'), { upgrades: ['websocket'] }).upgrade,
      '',
    )
    const old = `GET / HTTP/1.0\r\n${fields('websocket')}\r\n`
    assert.equal(headOf(old, { upgrades: ['websocket'] }).upgrade, '')
  })

  it('with its expectation, which HTTP/1.0 does not have', () => {
    const fields = 'Host: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\nx'
    assert.equal(headOf(`POST / HTTP/1.1\r\n${fields}`).expectContinue, true)
    assert.equal(headOf(`POST / HTTP/1.0\r\n${fields}`).expectContinue, false)
    assert.equal(headOf('GET / HTTP/1.0\r\nExpect: y\r\n\r\n').expectContinue, false)
  })

  it('with what it says of the connection', () => {
    const keepAlive = (version: string, value: string): boolean =>
      headOf(`GET / HTTP/${version}\r\nHost: a\r\nConnection: ${value}\r\n\r\n`).keepAlive
    assert.equal(headOf(get('/')).keepAlive, true)
    assert.equal(keepAlive('1.1', 'Close'), false)
    assert.equal(keepAlive('1.1', 'keep-alive, close'), false)
    assert.equal(headOf('GET / HTTP/1.0\r\n\r\n').keepAlive, false)
    assert.equal(keepAlive('1.0', 'Keep-Alive'), true)
    assert.equal(
      headOf(get('/', 'Host: a\r\nTE: gzip, trailers\r\nConnection: TE\r\n')).acceptsTrailers,
      true,
    )
  })

  it('with a body on GET, framed', () => {
    const { events } = same(
      requestParse(),
      latin1('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi'),
    )
    assert.deepEqual(events.slice(1), [{ body: 'hi' }, { end: [] }])
  })

  it('with chunks, their extensions and trailers', () => {
    const body =
      '5;a;b=c;d="x;\\"y"\r\nhello\r\n0A\r\n, world...\r\n000\r\nX-Sum: 1\r\nx-more:  2 \r\n\r\n'
    const { events } = same(requestParse(), latin1(post('transfer-encoding: Chunked\r\n', body)))
    assert.deepEqual(events.slice(1), [
      { body: 'hello, world...' },
      { end: ['x-sum', '1', 'x-more', '2'] },
    ])
  })

  it('one after another, with a forgiven CRLF between, until one closes', () => {
    const bytes =
      post('Content-Length: 2\r\n', 'hi') +
      '\r\n' +
      get('/2') +
      get('/3', 'Host: a\r\nConnection: close\r\n') +
      get('/4')
    const { events, heads, verdict } = same(requestParse(), latin1(bytes))
    assert.equal(heads, 3)
    assert.equal(verdict, undefined)
    assert.equal(events.length, 7)
  })

  it('and the CRLF that old clients send behind it is no cut request', () => {
    const { heads, verdict } = same(
      requestParse(),
      latin1(`${post('Content-Length: 2\r\n', 'hi')}\r\n`),
    )
    assert.equal(heads, 1)
    assert.equal(verdict, undefined)
  })

  it('with a target of 8000 bytes and 100 header lines', () => {
    assert.equal(headOf(get(`/${big(7999)}`)).target.length, 8000)
    assert.equal(headOf(get('/', `Host: a\r\n${'X: 1\r\n'.repeat(99)}`)).headers.length, 200)
  })

  it('with a method that an option adds', () => {
    assert.equal(
      headOf('PURGE / HTTP/1.1\r\nHost: a\r\n\r\n', { extraMethods: ['PURGE'] }).method,
      'PURGE',
    )
    assert.equal(headOf('TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', { trace: true }).method, 'TRACE')
  })

  it('for hosts as the grammar has them', () => {
    for (const host of [
      'a',
      'A.b-c_d~e',
      'a:',
      'a:65535',
      '127.0.0.1:80',
      '[::1]',
      '[::1]:80',
      '[1:2:3:4:5:6:7:8]',
      '[::ffff:1.2.3.4]',
      '[v1.x:y]',
    ])
      assert.equal(headOf(get('/', `Host: ${host}\r\n`)).authority, host)
    for (const host of [
      '[',
      '[]',
      '[::1',
      '[::1]x',
      '[:::1]',
      '[1:2]',
      '[1:2:3:4:5:6:7:8:9]',
      '[::1.2.3.456]',
      'a:b',
      'a%41',
      '[1::2::3]',
      '[::12345]',
    ])
      assert.equal(
        requestParse()([latin1(get('/', `Host: ${host}\r\n`))]).verdict?.reason,
        'host-syntax',
        host,
      )
  })

  it('up to CONNECT, whose following bytes are left to the tunnel', () => {
    const { events } = same(
      requestParse({ connect: true }),
      latin1('CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n\0\x01tunnel'),
    )
    assert.equal(events.length, 2)
    assert.equal((events[0] as { head: RequestHead }).head.authority, 'a:80')
  })
})
