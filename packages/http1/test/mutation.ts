import type { Random } from '@tidemill/core'

/** Requests near every rule; mutations of them reach both sides of it. */
export const seeds: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /a/./b/../c%2e%2E/%41?x=%20&y[]=1 HTTP/1.1\r\nHost: a.example:80\r\nAccept: */*\r\n\r\n',
  'GET http://b.example:8080/x?y HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nx-t: 1\r\n\r\n',
  'PUT /%2F//x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;q="x y"\r\nhi\r\nA\r\n0123456789\r\n0\r\n\r\n',
  'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n',
  'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\nGET /2 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx',
  'GET / HTTP/1.1\r\nHost: a\r\nX_U: 1\r\nX-U:\t2 \r\n__proto__: 3\r\nConnection: x-u, te\r\nTE: trailers\r\n\r\n',
  'HEAD / HTTP/1.1\r\nhost: a\r\nCookie: a=b; c=d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
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
  '\x80',
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
  '[',
  ']',
  '0',
  '1',
  '5',
  'f',
  'Host: b\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0',
  'Transfer-Encoding: chunked\r\n',
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
  ' chunked',
  'Expect: x\r\n',
]

/** One to four random edits. */
export function mutate(random: Random, seed: string, others: readonly string[]): string {
  let text = seed
  const edits = 1 + random.integer(4)
  for (let i = 0; i < edits; i++) {
    const at = random.integer(text.length + 1)
    const end = Math.min(text.length, at + random.integer(8))
    switch (random.integer(6)) {
      case 0:
        text = text.slice(0, at) + (pieces[random.integer(pieces.length)] ?? '') + text.slice(at)
        break
      case 1:
        text = text.slice(0, at) + text.slice(end)
        break
      case 2:
        text = text.slice(0, at) + String.fromCharCode(random.integer(256)) + text.slice(at + 1)
        break
      case 3:
        text = text.slice(0, end) + text.slice(at)
        break
      case 4: {
        const other = others[random.integer(others.length)] ?? ''
        text = text.slice(0, at) + other.slice(random.integer(other.length + 1))
        break
      }
      default:
        text = text.slice(0, at) + (pieces[random.integer(pieces.length)] ?? '') + text.slice(end)
    }
  }
  return text
}
