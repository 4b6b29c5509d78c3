/**
 * Answers every request with "hello" on our HTTP/2 codec, for h2spec:
 *
 *     node tests/http2/hello-server.ts --port N [--tls]
 */
import { parseArgs } from 'node:util'
import type { ConnectionHandler, Http2Stream, StreamHandler } from '@tidemill/http2'
import { createHttp2Server } from '@tidemill/http2/node'
import { createTestAuthority } from '../../scripts/lib/certificates.ts'

const headers = [':status', '200', 'content-type', 'text/plain', 'content-length', '5']
const body = Buffer.from('hello')

function answer(stream: Http2Stream): void {
  stream.headers(headers, false)
  stream.data(body, true)
}

/** Answers when the request is whole, so that a fault in it is met before there is an answer. */
const responder: StreamHandler = {
  onHeaders: () => undefined,
  onData(stream, chunk, end) {
    stream.consume(chunk.length)
    if (end) answer(stream)
  },
  onTrailers: answer,
  onWritable: () => undefined,
  onClose: () => undefined,
}

const connectionHandler: ConnectionHandler = {
  onStream(stream, _, end) {
    if (end) answer(stream)
    return responder
  },
  onClose: () => undefined,
}

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, tls: { type: 'boolean', default: false } },
})
const certificate = values.tls
  ? { tls: createTestAuthority().issue({ names: ['localhost', '127.0.0.1'] }) }
  : {}
const server = createHttp2Server({
  onConnection: () => connectionHandler,
  // h2spec opens one stream more than this to see it refused.
  maxConcurrentStreams: 100,
  ...certificate,
})
const { port } = await server.listen({ port: Number(values.port) })
console.log(`listening on 127.0.0.1:${port}`)
process.once('SIGTERM', () => void server.close())
