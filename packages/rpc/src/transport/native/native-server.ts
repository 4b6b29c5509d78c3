import { formatDuration } from '@tidemill/core'
import { type ConnectionHandler, type Http2Connection, ReceiveBudget } from '@tidemill/http2'
import { createHttp2Server, type Http2Server } from '@tidemill/http2/node'
import type { Socket } from 'node:net'
import { rpcErrors } from '../../errors.ts'
import { formatListenTarget } from '../listen-target.ts'
import type { ListenTarget, ServerTransport, ServerTransportSettings } from '../transport.ts'
import { checkHttp2Options, http2Options, NativeConnection } from './native-connection.ts'

const probe: Uint8Array = Buffer.from('halfopen')

/** The listening side over `@tidemill/http2`. */
export class NativeServerTransport implements ServerTransport {
  readonly #settings: ServerTransportSettings
  readonly #budget: ReceiveBudget
  readonly #servers: Http2Server[] = []

  constructor(settings: ServerTransportSettings) {
    this.#settings = settings
    this.#budget = new ReceiveBudget(settings.flow.memoryBudget)
    checkHttp2Options(http2Options(settings, new ReceiveBudget(settings.flow.memoryBudget)))
  }

  async listen(target: ListenTarget): Promise<ListenTarget> {
    const { maxConnections, tls } = this.#settings
    const address = formatListenTarget(target)
    const server = createHttp2Server({
      ...http2Options(this.#settings, this.#budget),
      // The age of connections is the business of the layer above.
      idle: '0s',
      maxConnections,
      ...(tls === undefined ? {} : { tls }),
      onConnection: (connection, socket) => this.#accept(connection, socket),
    })
    try {
      const { port } = await server.listen(
        target.kind === 'unix' ? { path: target.path } : { host: target.host, port: target.port },
      )
      this.#servers.push(server)
      return target.kind === 'unix' ? target : { kind: 'tcp', host: target.host, port }
    } catch (cause) {
      throw rpcErrors.error(
        'TM_RPC_LISTEN',
        { address, reason: (cause as Error).message },
        { cause },
      )
    }
  }

  async drain(graceMs: number): Promise<void> {
    const grace = formatDuration(Math.min(graceMs, 2 ** 31))
    await Promise.all(this.#servers.map((server) => server.drain({ grace })))
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.close()))
  }

  #accept(raw: Http2Connection, socket: Socket): ConnectionHandler {
    const handler = this.#settings.onConnection(new NativeConnection(raw, socket))
    // A client that has ended its side may still wait for answers, or be gone. Who is gone answers a segment with RST,
    // and that ends the connection and its calls.
    socket.once('end', () => raw.ping(probe, () => {}))
    return {
      onStream: (stream, list, end) => handler.onStream(stream, list, end),
      onPing: () => handler.onPing(),
      onClose: (_code, reason) => handler.onClose(reason),
      onError: (error) => handler.onError(error),
    }
  }
}
