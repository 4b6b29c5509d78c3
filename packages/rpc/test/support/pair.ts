import type { DescService } from '@bufbuild/protobuf'
import {
  type Channel,
  type ChannelOptions,
  createChannel,
  createServer,
  type Handlers,
  type Server,
  type ServerOptions,
  type TransportName,
} from '../../src/index.ts'

/** Who speaks HTTP/2 on each side. */
export interface Transports {
  readonly server: TransportName
  readonly client: TransportName
}

/** Both implementations of HTTP/2, and each against the other. */
export const pairs: readonly Transports[] = [
  { server: 'native', client: 'native' },
  { server: 'node', client: 'node' },
  { server: 'native', client: 'node' },
  { server: 'node', client: 'native' },
]

export const transports: readonly TransportName[] = ['native', 'node']

export interface PairOptions {
  readonly server?: ServerOptions
  readonly channel?: ChannelOptions
  readonly prepare?: (server: Server) => void
}

export interface Pair extends AsyncDisposable {
  readonly server: Server
  readonly channel: Channel
  readonly port: number
}

/** A server with a service, and a channel to it. */
export async function connectPair<S extends DescService>(
  names: Transports,
  service: S,
  handlers: Handlers<S>,
  options: PairOptions = {},
): Promise<Pair> {
  const server = createServer({ h2: names.server, ...options.server })
  server.add(service, handlers)
  options.prepare?.(server)
  const { port, target } = await server.listen('127.0.0.1:0')
  const channel = createChannel(target, { h2: names.client, ...options.channel })
  return {
    server,
    channel,
    port,
    async [Symbol.asyncDispose]() {
      await channel.close()
      await server.close()
    },
  }
}

/** A promise to settle from outside. */
export function deferred<T = void>(): {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
} {
  return Promise.withResolvers<T>()
}
