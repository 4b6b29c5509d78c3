import assert from 'node:assert/strict'
import { it } from 'node:test'
import { hello, openRig, openUpstream, replying } from './rig.ts'

/** What a lenient parser lets through (name, request, status), each on a connection of its own. */
const refused: readonly (readonly [string, string, number, string])[] = [
  [
    'two equal Host lines',
    'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  ['two Host lines', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['a list as Host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['a user in Host', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['a space in Host', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['a slash in Host', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['a foreign scheme', 'GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['GET *', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['a backslash', 'GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['quotes in the target', 'GET /"<>" HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['a bad escape', 'GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  ['an escaped NUL', 'GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  [
    'two spaces before the target',
    'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'Transfer-Encoding in HTTP/1.0',
    'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'an unknown coding',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    501,
    'TM_GATEWAY_CODING',
  ],
  [
    'an empty coding',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'a length with a leading zero',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 01\r\n\r\na',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  ['HTTP/2.0 in the line', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505, 'TM_GATEWAY_VERSION'],
  ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 505, 'TM_GATEWAY_VERSION'],
  [
    'Connection names Content-Length',
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close, Content-Length\r\nContent-Length: 1\r\n\r\na',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'Connection names Host',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Host\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'another expectation',
    'POST / HTTP/1.1\r\nHost: a\r\nExpect: y 100-continue\r\nContent-Length: 1\r\n\r\na',
    417,
    'TM_GATEWAY_EXPECTATION',
  ],
  ['TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 405, 'TM_GATEWAY_METHOD'],
  ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n', 405, 'TM_GATEWAY_METHOD'],
  ['a bare LF', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 400, 'TM_GATEWAY_BAD_REQUEST'],
  [
    'a folded line',
    'GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'a NUL in a value',
    'GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'a space before the colon',
    'GET / HTTP/1.1\r\nHost: a\r\nA : b\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'a list of lengths',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'a length and a coding',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'two codings',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'a parameter of chunked',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'a bad chunk size',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  [
    'Content-Length in the trailers',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n',
    400,
    'TM_GATEWAY_BAD_REQUEST',
  ],
  ['a method in lower case', 'get / HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'TM_GATEWAY_METHOD_UNKNOWN'],
  ['an unknown method', 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'TM_GATEWAY_METHOD_UNKNOWN'],
  ['garbage', '\x16\x03\x01\x02\x00\x01\x00', 400, 'TM_GATEWAY_BAD_REQUEST'],
  [
    'a block of 16 KiB',
    `GET / HTTP/1.1\r\nHost: a\r\nA: ${'a'.repeat(17_000)}\r\n\r\n`,
    431,
    'TM_GATEWAY_HEADERS_TOO_LARGE',
  ],
  [
    'more than 100 fields',
    `GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(100)}\r\n`,
    431,
    'TM_GATEWAY_HEADERS_TOO_LARGE',
  ],
  [
    'a long target',
    `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    414,
    'TM_GATEWAY_URI_TOO_LONG',
  ],
]

for (const [what, bytes, status, code] of refused) {
  it(`refuses ${what} with ${status} and asks no upstream`, async (t) => {
    const upstream = await openUpstream(t, replying(hello))
    const rig = await openRig(t, upstream.port)
    const client = rig.client().send(bytes)
    const text = await client.until('"requestId"')
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `, 'u'))
    assert.match(text, new RegExp(`"code":"${code}"`, 'u'))
    assert.match(text, /content-type: application\/problem\+json/u)
    assert.match(text, /proxy-status: tidemill; error=/u)
    assert.match(text, /"reason":"/u)
    assert.equal(text.match(/HTTP\/1\.1 \d{3} /gu)?.length, 1, 'answered once')
    assert.deepEqual(
      rig.told.map((told) => [told.status, told.flag, told.finishes]),
      [[status, 'DPE', 1]],
    )
    // A body that is not read to its end has had time to be forwarded.
    assert.ok(upstream.peers.every((peer) => !peer.text.includes('0\r\n\r\n')))
  })
}

for (const banner of ['SSH-2.0-OpenSSH_9.2p1\r\n', 'INVALID CONNECTION PREFACE\r\n\r\n']) {
  it(`closes on ${JSON.stringify(banner)} without an answer in HTTP`, async (t) => {
    const upstream = await openUpstream(t, replying(hello))
    const rig = await openRig(t, upstream.port)
    const client = rig.client().send(banner)
    assert.equal(await client.untilEnded(), '')
    assert.deepEqual([rig.told[0]?.status, rig.told[0]?.flag], [400, 'DPE'])
    assert.equal(rig.plane.counts.undecided, 0)
  })
}

it('accepts a target of 8000 bytes', async (t) => {
  const upstream = await openUpstream(t, replying(hello))
  const rig = await openRig(t, upstream.port)
  rig.client().send(`GET /${'a'.repeat(7999)} HTTP/1.1\r\nHost: a\r\n\r\n`)
  const client = rig.client().send(`GET /${'a'.repeat(7999)} HTTP/1.1\r\nHost: a\r\n\r\n`)
  await client.until('hello')
})

it('serves HTTP/1.0 without interim answers, and closes', async (t) => {
  const upstream = await openUpstream(t, replying(`HTTP/1.1 103 Early Hints\r\n\r\n${hello}`))
  const rig = await openRig(t, upstream.port)
  const client = rig.client().send('GET / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n')
  const text = await client.untilEnded()
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/u)
  assert.doesNotMatch(text, /103/u)
  assert.match(text, /connection: close/u)
})
