import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HpackDecoder } from '../../src/hpack/decoder.ts'
import { HpackEncoder } from '../../src/hpack/encoder.ts'
import type { HeaderBlock } from '../../src/hpack/header-block.ts'
import { type HeaderKind, headersFault, headerValue } from '../../src/hpack/header-check.ts'

const get = [':method', 'GET', ':scheme', 'https', ':path', '/', ':authority', 'a.example']
const ok = [':status', '200']

/** A list as a peer would send it; encoding changes nothing about what is wrong with it. */
function received(list: readonly string[]): HeaderBlock {
  const target = Buffer.alloc(4096)
  const end = new HpackEncoder().encode(list, target, 0)
  return new HpackDecoder().decode(target, 0, end)
}

type Row = readonly [what: string, kind: HeaderKind, list: readonly string[]]

const wellFormed: readonly Row[] = [
  ['a request', 'request', get],
  ['a request without authority', 'request', [':method', 'GET', ':scheme', 'http', ':path', '/']],
  ['OPTIONS *', 'request', [':method', 'OPTIONS', ':scheme', 'http', ':path', '*']],
  ['te: trailers', 'request', [...get, 'te', 'trailers']],
  ['te: Trailers', 'request', [...get, 'te', 'Trailers']],
  ['host that equals :authority', 'request', [...get, 'host', 'A.example']],
  ['an empty value', 'request', [...get, 'x', '']],
  ['white space inside a value', 'request', [...get, 'x', 'a \t b']],
  ['bytes above 127 in a value', 'request', [...get, 'x', '\x80\xff']],
  ['a field twice', 'request', [...get, 'cookie', 'a=1', 'cookie', 'b=2']],
  ['all characters of a token', 'request', [...get, "!#$%&'*+-.^_`|~09az", '1']],
  ['CONNECT', 'request', [':method', 'CONNECT', ':authority', 'a.example:443']],
  ['a response', 'response', [...ok, 'content-length', '0']],
  ['103', 'response', [':status', '103', 'link', '<a>']],
  ['trailers', 'trailers', ['grpc-status', '0']],
  ['empty trailers', 'trailers', []],
]

const malformed: readonly Row[] = [
  ['a capital in a name', 'request', [...get, 'X-a', '1']],
  ['an empty name', 'request', [...get, '', '1']],
  ['a space in a name', 'request', [...get, 'a b', '1']],
  ['a colon in a name', 'request', [...get, 'a:b', '1']],
  ['a NUL in a name', 'request', [...get, 'a\0', '1']],
  ['a byte above 127 in a name', 'request', [...get, 'a\xe9', '1']],
  ['a CR in a value', 'request', [...get, 'a', '1\r2']],
  ['an LF in a value', 'request', [...get, 'a', '1\n2']],
  ['a NUL in a value', 'request', [...get, 'a', '1\x002']],
  ['DEL in a value', 'request', [...get, 'a', '1\x7f']],
  ['a space before a value', 'request', [...get, 'a', ' 1']],
  ['a space after a value', 'request', [...get, 'a', '1 ']],
  ['a tab after a value', 'request', [...get, 'a', '1\t']],
  ['connection', 'request', [...get, 'connection', 'close']],
  ['keep-alive', 'request', [...get, 'keep-alive', '1']],
  ['proxy-connection', 'request', [...get, 'proxy-connection', 'close']],
  ['transfer-encoding', 'request', [...get, 'transfer-encoding', 'chunked']],
  ['upgrade', 'request', [...get, 'upgrade', 'h2c']],
  ['connection in a response', 'response', [...ok, 'connection', 'close']],
  ['te: gzip', 'request', [...get, 'te', 'gzip']],
  ['te: trailers, gzip', 'request', [...get, 'te', 'trailers, gzip']],
  ['an unknown pseudo-header', 'request', [...get, ':other', '1']],
  ['a pseudo-header after a field', 'request', ['a', '1', ...get]],
  ['a pseudo-header twice', 'request', [...get, ':path', '/']],
  ['no :method', 'request', get.slice(2)],
  ['no :scheme', 'request', [':method', 'GET', ':path', '/', ':authority', 'a']],
  ['no :path', 'request', [':method', 'GET', ':scheme', 'http', ':authority', 'a']],
  ['an empty :path', 'request', [':method', 'GET', ':scheme', 'http', ':path', '']],
  ['a space in :path', 'request', [':method', 'GET', ':scheme', 'http', ':path', '/ HTTP/1.1']],
  ['a space in :method', 'request', [':method', 'GET /', ':scheme', 'http', ':path', '/']],
  ['an empty :method', 'request', [':method', '', ':scheme', 'http', ':path', '/']],
  ['a wrong :scheme', 'request', [':method', 'GET', ':scheme', 'ht tp', ':path', '/']],
  ['userinfo in :authority', 'request', [...get.slice(0, 6), ':authority', 'u@a.example']],
  ['a path in :authority', 'request', [...get.slice(0, 6), ':authority', 'a.example/x']],
  ['host that differs from :authority', 'request', [...get, 'host', 'b.example']],
  ['host twice', 'request', [...get, 'host', 'a.example', 'host', 'a.example']],
  ['content-length twice', 'request', [...get, 'content-length', '1', 'content-length', '1']],
  ['content-length with a sign', 'request', [...get, 'content-length', '+1']],
  ['content-length with a comma', 'request', [...get, 'content-length', '1,1']],
  ['an empty content-length', 'request', [...get, 'content-length', '']],
  ['a huge content-length', 'request', [...get, 'content-length', '9'.repeat(17)]],
  ['CONNECT with :path', 'request', [...get.slice(2), ':method', 'CONNECT']],
  ['CONNECT without :authority', 'request', [':method', 'CONNECT']],
  [':status in a request', 'request', [...get, ':status', '200']],
  ['no :status', 'response', ['a', '1']],
  [':path in a response', 'response', [...ok, ':path', '/']],
  [':status 99', 'response', [':status', '99']],
  [':status 1000', 'response', [':status', '1000']],
  [':status 101', 'response', [':status', '101']],
  [':status with a space inside', 'response', [':status', '2 0']],
  ['a pseudo-header in trailers', 'trailers', ['grpc-status', '0', ':status', '200']],
  ['only a pseudo-header in trailers', 'trailers', [':status', '200']],
  ['content-length in trailers', 'trailers', ['content-length', '1']],
  ['a capital in trailers', 'trailers', ['Grpc-Status', '0']],
]

describe('takes', () => {
  for (const [what, kind, list] of wellFormed)
    test(what, () => {
      assert.equal(received(list).fault(kind), undefined)
      assert.equal(headersFault(list, kind), undefined)
    })
})

describe('refuses', () => {
  for (const [what, kind, list] of malformed)
    test(what, () => {
      assert.notEqual(received(list).fault(kind), undefined)
      assert.notEqual(headersFault(list, kind), undefined)
    })
})

test('refuses to send a character that is no byte, and a name without a value', () => {
  assert.notEqual(headersFault([...get, 'a', '\u010a'], 'request'), undefined)
  assert.notEqual(headersFault([...get, 'a\u0130', '1'], 'request'), undefined)
  assert.notEqual(headersFault([...get, 'a'], 'request'), undefined)
})

test('takes extended CONNECT only where it was agreed, and only whole', () => {
  const connect = [
    ':method',
    'CONNECT',
    ':protocol',
    'websocket',
    ':scheme',
    'https',
    ':path',
    '/chat',
    ':authority',
    'a.example',
  ]
  assert.equal(received(connect).fault('request', true), undefined)
  assert.notEqual(received(connect).fault('request', false), undefined)
  assert.notEqual(received(connect.slice(0, 8)).fault('request', true), undefined)
  assert.notEqual(received(connect.toSpliced(4, 2)).fault('request', true), undefined)
  assert.notEqual(received(connect.with(1, 'GET')).fault('request', true), undefined)
  assert.notEqual(received([...get, ':status', '200']).fault('request', true), undefined)
})

test('judges one block as headers and as trailers', () => {
  const block = received(ok)
  assert.equal(block.fault('response'), undefined)
  assert.notEqual(block.fault('trailers'), undefined)
  assert.equal(block.fault('response'), undefined)
})

test('looks at values of a name that a table holds with another value', () => {
  const decoder = new HpackDecoder()
  const fault = (hex: string): string | undefined => {
    const block = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    return decoder.decode(block, 0, block.length).fault('request')
  }
  // :method GET, :scheme http, :path /, te: gzip into the table; then te: trailers by the name of that entry.
  assert.notEqual(fault('82 86 84 40 02 7465 04 677a6970'), undefined)
  assert.notEqual(fault('82 86 84 be'), undefined)
  assert.equal(fault('82 86 84 7e 08 747261696c657273'), undefined)
  assert.equal(fault('82 86 84 be'), undefined)
  assert.notEqual(fault('82 86 84 bf'), undefined)
})

test('gives the announced length and the status', () => {
  assert.equal(received([...get, 'content-length', '42']).contentLength, 42)
  assert.equal(received(get).contentLength, -1)
  assert.equal(received([':status', '404']).status, 404)
  assert.equal(received(get).status, 0)
  assert.equal(headerValue(get, ':path'), '/')
  assert.equal(headerValue(get, 'x'), undefined)
})
