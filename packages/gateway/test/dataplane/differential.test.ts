import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createSeededRandom, type Random } from '@tidemill/core'
import { hello, openRig, openUpstream, type RawPeer } from './rig.ts'

const seeds: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /a/./b/../c%2e%2E/%41?x=%20&y[]=1 HTTP/1.1\r\nHost: a.example:80\r\nAccept: */*\r\n\r\n',
  'GET http://b.example:8080/x?y HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nx-t: 1\r\n\r\n',
  'PUT /%2F//x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nA\r\n0123456789\r\n0\r\n\r\n',
  'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx',
  'GET / HTTP/1.1\r\nHost: a\r\nX_U: 1\r\nX-U:\t2 \r\n__proto__: 3\r\nConnection: x-u, te\r\nTE: trailers\r\n\r\n',
  'HEAD / HTTP/1.1\r\nhost: a\r\nCookie: a=b; c=d\r\nX-Forwarded-For: 1\r\nConnection: Upgrade\r\n\r\n',
  'POST /s/M HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web\r\nContent-Length: 2\r\n\r\nab',
]

const pieces = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '\\',
  '\0',
  '\x7f',
  '\xff',
  '/',
  '..',
  '%2e',
  '%2f',
  '%00',
  '%',
  '?',
  '#',
  '*',
  '0',
  '1',
  '5',
  'f',
  'Host: b\r\n',
  '_',
  'Content-Length: 5\r\n',
  'Content-Length: 0',
  'Transfer-Encoding: chunked\r\n',
  ' chunked',
  'Transfer-Encoding: gzip\r\n',
  'Connection: close\r\n',
  'Connection: Host\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'HTTP/1.0',
  'HTTP/1.1',
  'GET ',
  'POST ',
  'http://a/',
  'Via: 1.1 x\r\n',
  'Connection: via, x-forwarded-for\r\n',
  'X-Request-Id: a b\r\n',
  'Max-Forwards: 0\r\n',
]

function mutate(random: Random): string {
  let text = seeds[random.integer(seeds.length)] as string
  for (let edits = random.integer(4); edits > 0; edits--) {
    const at = random.integer(text.length + 1)
    const to = Math.min(text.length, at + random.integer(8))
    switch (random.integer(4)) {
      case 0:
        text = text.slice(0, at) + (pieces[random.integer(pieces.length)] ?? '') + text.slice(at)
        break
      case 1:
        text = text.slice(0, at) + text.slice(to)
        break
      case 2:
        text = text.slice(0, to) + text.slice(at)
        break
      default:
        text = text.slice(0, at) + String.fromCharCode(random.integer(256)) + text.slice(at + 1)
    }
  }
  return text
}

interface Seen {
  readonly method: string
  readonly target: string
  readonly host: string
  readonly id: string
}

/** A second parser, strict and slow: one request from the front of the text, undefined while it is not whole. */
function parse(text: string): { readonly seen: Seen; readonly size: number } | undefined {
  const stop = text.indexOf('\r\n\r\n')
  if (stop < 0) return undefined
  const [line = '', ...rest] = text.slice(0, stop).split('\r\n')
  const match = /^([A-Z]+) (\/[!-~]*|\*) HTTP\/1\.1$/u.exec(line)
  assert.ok(match !== null && !line.includes('#'), `request line ${JSON.stringify(line)}`)
  const fields = new Map<string, string[]>()
  for (const field of rest) {
    const parts = /^([!#$%&'*+.^`|~0-9a-z-]+): ([\t -~\x80-\xff]*)$/u.exec(field)
    assert.ok(parts !== null, `field ${JSON.stringify(field)}`)
    const [, name = '', value = ''] = parts
    assert.doesNotMatch(value, /^[ \t]|[ \t]$/u)
    fields.set(name, [...(fields.get(name) ?? []), value])
  }
  const one = (name: string): string | undefined => {
    const values = fields.get(name) ?? []
    assert.ok(values.length < 2, `${name} ${values.length} times`)
    return values[0]
  }
  const host = one('host')
  assert.ok(host !== undefined)
  for (const own of ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'via'])
    assert.ok(one(own) !== undefined, own)
  const length = one('content-length')
  const coding = one('transfer-encoding')
  assert.ok(length === undefined || coding === undefined)
  let size = stop + 4
  if (length !== undefined) {
    assert.match(length, /^(?:0|[1-9]\d*)$/u)
    size += Number(length)
  } else if (coding !== undefined) {
    assert.equal(coding, 'chunked')
    for (;;) {
      const eol = text.indexOf('\r\n', size)
      if (eol < 0) return undefined
      const chunk = text.slice(size, eol)
      assert.match(chunk, /^[0-9a-f]+$/u)
      const bytes = Number.parseInt(chunk, 16)
      size = eol + 2
      if (bytes === 0) {
        const last = text.startsWith('\r\n', size) ? size - 2 : text.indexOf('\r\n\r\n', size)
        if (last < 0) return undefined
        size = last + 4
        break
      }
      if (text.length < size + bytes + 2) return undefined
      assert.equal(text.slice(size + bytes, size + bytes + 2), '\r\n')
      size += bytes + 2
    }
  }
  if (text.length < size) return undefined
  const [, method = '', target = ''] = match
  return { seen: { method, target, host, id: one('x-request-id') ?? '' }, size }
}

it('shows the upstream exactly what was matched and logged, whatever a client sends', async (t) => {
  const seen: Seen[] = []
  const problems: unknown[] = []
  const serve = (peer: RawPeer): void => {
    peer.socket.on('data', () => {
      try {
        for (let found = parse(peer.text); found !== undefined; found = parse(peer.text)) {
          seen.push(found.seen)
          peer.text = peer.text.slice(found.size)
          peer.send(found.seen.method === 'HEAD' ? hello.slice(0, -5) : hello)
        }
      } catch (error) {
        problems.push(error)
        peer.socket.destroy()
      }
    })
  }
  const upstream = await openUpstream(t, serve)
  const rig = await openRig(t, upstream.port)
  const random = createSeededRandom(20_261_123)
  let forwarded = 0
  for (let run = 0; run < 1500; run++) {
    seen.length = 0
    rig.told.length = 0
    const text = mutate(random)
    const client = rig.client()
    client.socket.end(Buffer.from(text, 'latin1'))
    await client.untilEnded()
    client.socket.destroy()
    assert.deepEqual(problems, [], JSON.stringify(text))
    const views = rig.told.filter((told) => told.heads.length > 0)
    assert.deepEqual(
      seen,
      views.map(({ view }) => {
        assert.ok('target' in view)
        return { method: view.method, target: view.target, host: view.host, id: view.requestId }
      }),
      JSON.stringify(text),
    )
    assert.ok(rig.told.every((told) => told.finishes === 1))
    forwarded += seen.length
  }
  // Enough must get through, or the test would show nothing.
  assert.ok(forwarded > 300, `${forwarded} were forwarded`)
  assert.equal(rig.plane.counts.requests, 0)
})
