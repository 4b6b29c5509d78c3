/** A hello server over h2c, ours or node:http2, for `http2-server`; answers `stats` on the IPC channel. */
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { ConnectionHandler, HeaderList, Http2Stream, StreamHandler } from '@tidemill/http2'
import { createHttp2Server } from '@tidemill/http2/node'
import { answerStats, counter } from './hello-counter.ts'

const body = Buffer.from('Hello, World!\n')
const headers: HeaderList = Object.freeze([':status', '200', 'content-type', 'text/plain'])
function answer(stream: Http2Stream): void {
  counter.requests++
  stream.headers(headers, false)
  stream.data(body, true)
}

const hello: ConnectionHandler & StreamHandler = {
  onStream(stream, _list, end) {
    if (end) answer(stream)
    return hello
  },
  onHeaders: () => undefined,
  onData(stream, chunk, end) {
    stream.consume(chunk.length)
    if (end) answer(stream)
  },
  onTrailers: answer,
  onWritable: () => undefined,
  onClose: () => undefined,
}

async function listen(): Promise<AddressInfo> {
  if (process.argv[2] === 'ours')
    return await createHttp2Server({ onConnection: () => hello }).listen()
  const server = createServer()
  server.on('session', (session) => session.on('error', () => undefined))
  server.on('stream', (stream) => {
    counter.requests++
    stream.on('error', () => undefined)
    stream.respond({ ':status': 200, 'content-type': 'text/plain' })
    stream.end(body)
  })
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo))
  })
}

answerStats()
process.send?.((await listen()).port)
