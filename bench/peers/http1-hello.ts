/** A hello server, ours or node:http, for `http1-server`; answers `stats` on the IPC channel. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHttp1Server } from '@tidemill/http1/node'
import { answerStats, counter } from './hello-counter.ts'

const body = Buffer.from('Hello, World!\n')
const headers = ['content-type', 'text/plain']
async function listen(): Promise<AddressInfo> {
  if (process.argv[2] === 'ours') {
    const server = createHttp1Server({
      handler: {
        onRequest(exchange) {
          counter.requests++
          exchange.respond(200, headers, body)
        },
      },
    })
    return await server.listen()
  }
  const server = createServer((_request, response) => {
    counter.requests++
    response.setHeader('content-type', 'text/plain')
    response.end(body)
  })
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address() as AddressInfo))
  })
}

answerStats()
process.send?.((await listen()).port)
