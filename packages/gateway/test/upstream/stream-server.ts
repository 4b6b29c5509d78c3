import type { TestContext } from 'node:test'
import type { HeaderList, Http2Connection, Http2Stream, StreamHandler } from '@tidemill/http2'
import { createHttp2Server, type Http2Server, type Http2ServerOptions } from '@tidemill/http2/node'

/** A request that came on a stream. */
export interface StreamRequest {
  readonly stream: Http2Stream
  readonly connection: Http2Connection
  readonly list: HeaderList
  readonly target: string
  body: string
  trailers: HeaderList
}

export type StreamScript = (request: StreamRequest) => void

/** An HTTP/2 server that answers each whole request by script. */
export class StreamServer {
  readonly port: number
  readonly requests: readonly StreamRequest[]
  readonly connections: readonly Http2Connection[]
  readonly server: Http2Server

  private constructor(
    server: Http2Server,
    port: number,
    connections: readonly Http2Connection[],
    requests: readonly StreamRequest[],
  ) {
    this.server = server
    this.port = port
    this.connections = connections
    this.requests = requests
  }

  static async start(
    t: TestContext,
    script: StreamScript,
    options: Partial<Http2ServerOptions> & {
      readonly early?: boolean
      readonly port?: number
    } = {},
  ): Promise<StreamServer> {
    const connections: Http2Connection[] = []
    const requests: StreamRequest[] = []
    const server = createHttp2Server({
      ...options,
      onConnection(connection) {
        connections.push(connection)
        return {
          onStream(stream, list, end): StreamHandler {
            const at = list.indexOf(':path')
            const target = list[at + 1] ?? ''
            const one: StreamRequest = { stream, connection, list, target, body: '', trailers: [] }
            requests.push(one)
            if (end || options.early === true) script(one)
            return {
              onHeaders: () => undefined,
              onData(_, chunk, last) {
                one.body += chunk.toString('latin1')
                stream.consume(chunk.length)
                if (last && options.early !== true) script(one)
              },
              onTrailers(_, trailers) {
                one.trailers = trailers
                if (options.early !== true) script(one)
              },
              onWritable: () => undefined,
              onClose: () => undefined,
            }
          },
          onClose: () => undefined,
        }
      },
    })
    const { port } = await server.listen(options.port === undefined ? {} : { port: options.port })
    t.after(() => server.close())
    return new StreamServer(server, port, connections, requests)
  }
}
