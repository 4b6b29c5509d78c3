import type { Random } from '@tidemill/core'

const host = 'Host: a.example\r\n'
const smuggled = 'GET /b/smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n'

function get(target: string, fields = '', version = 'HTTP/1.1'): string {
  return `GET ${target} ${version}\r\n${host}${fields}\r\n`
}

function post(fields: string, body: string): string {
  return `POST /a/post HTTP/1.1\r\n${host}${fields}\r\n${body}`
}

const chunked = 'Transfer-Encoding: chunked\r\n'

/** Requests that are right, and the classes of smuggling that proxies have fallen for. */
export const seeds: readonly string[] = [
  get('/a'),
  get('/b/x?y=1&z=%2F'),
  get('/a/../b/./c'),
  get('/a/%2e%2e/b'),
  get('/%61/x'),
  get('/a%2Fb'),
  get('//evil.example/a'),
  get('http://a.example/b?q'),
  get('http://other.example/b'),
  get('https://a.example/b'),
  get('/a', 'X-One: 1\r\nX-Two: 2\r\n'),
  get('/a', 'Connection: close, X-One\r\nX-One: 1\r\n'),
  get('/a', 'Connection: Content-Length, Host\r\n'),
  get(
    '/a',
    'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAA\r\n',
  ),
  get('/a', 'X_User: a\r\nX-User: b\r\n'),
  get('/a', 'X-Request-Id: mine\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\n'),
  get('/a', 'Content-Length: 0\r\n'),
  get('/a', 'TE: trailers\r\n'),
  get('/a', '', 'HTTP/1.0'),
  get('/a', chunked, 'HTTP/1.0'),
  get('/a', 'Host: b.example\r\n'),
  get('/a', ' folded\r\n'),
  get('/a#fragment'),
  get('/a\\b'),
  get('*'),
  `OPTIONS * HTTP/1.1\r\n${host}\r\n`,
  `HEAD /a HTTP/1.1\r\n${host}\r\n`,
  `DELETE /b HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`,
  `TRACE /a HTTP/1.1\r\n${host}\r\n`,
  `CONNECT a.example:80 HTTP/1.1\r\n${host}\r\n`,
  post('Content-Length: 5\r\n', 'hello'),
  post('Content-Length: 05\r\n', 'hello'),
  post('Content-Length: +5\r\n', 'hello'),
  post('Content-Length: 5, 5\r\n', 'hello'),
  post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!'),
  post(chunked, '5\r\nhello\r\n0\r\n\r\n'),
  post(chunked, '5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n'),
  post(chunked, '5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n'),
  post(chunked, '0x5\r\nhello\r\n0\r\n\r\n'),
  post(chunked, '5\nhello\n0\n\n'),
  post(chunked, 'fffffffffffffffff5\r\nhello\r\n0\r\n\r\n'),
  post(`Content-Length: 4\r\n${chunked}`, `0\r\n\r\n${smuggled}`),
  post(`${chunked}Content-Length: ${smuggled.length}\r\n`, `0\r\n\r\n${smuggled}`),
  post('Transfer-Encoding: gzip, chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  post('Transfer-Encoding: ,chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  post('Transfer-Encoding: chunked, chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  post('Transfer-Encoding: identity\r\nContent-Length: 5\r\n', 'hello'),
  post('Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n', 'hello'),
  post('Transfer-Encoding : chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  post('Transfer-Encoding:\vchunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  post('Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello'),
  post('Expect: y 100-continue\r\nContent-Length: 5\r\n', 'hello'),
  post(`Content-Length: ${smuggled.length}\r\n`, smuggled),
  get('/a') + get('/b') + post('Content-Length: 5\r\n', 'hello') + get('/c'),
  `\r\n${get('/a')}`,
]

const words: readonly string[] = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '	',
  '\v',
  '\xA0',
  ':',
  ',',
  ';',
  '\r\n\r\n',
  '0\r\n\r\n',
  '%',
  '%00',
  '%2e',
  '/',
  '//',
  '\\',
  '#',
  '?',
  '@',
  '*',
  'chunked',
  'close',
  '0',
  '-1',
  '1e1',
  'HTTP/1.0',
  'HTTP/2.0',
  '"',
  'ÿ',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content-Length:\r\n',
  chunked,
  host,
  'Connection: close\r\n',
  'Connection: content-length\r\n',
  'Expect: 100-continue\r\n',
  smuggled,
]

/** A seed, or two, with up to four changes. */
export function mutated(random: Random): Buffer {
  const below = (limit: number): number => random.integer(limit)
  const seed = (): string => seeds[below(seeds.length)] as string
  let text = below(4) === 0 ? seed() + seed() : seed()
  for (let left = below(5); left > 0; left--) {
    const at = below(text.length + 1)
    const length = 1 + below(6)
    const part = text.slice(at, at + length)
    const word = words[below(words.length)] as string
    const insert = [
      word,
      '',
      part + part,
      String.fromCharCode(below(256)),
      part.toUpperCase(),
      word + part,
      seed().slice(0, below(30)),
    ][below(7)] as string
    text = text.slice(0, at) + insert + text.slice(at + (below(3) === 0 ? 0 : length))
  }
  return Buffer.from(text, 'latin1')
}
