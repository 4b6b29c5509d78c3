import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Timer } from '@tidemill/core'
import { rpcErrors } from '../../errors.ts'
import { formatListenTarget } from '../listen-target.ts'
import type {
  ListenTarget,
  ServerConnectionHandler,
  ServerTransport,
  ServerTransportSettings,
} from '../transport.ts'
import { lastStreamId, NodeConnection } from './node-connection.ts'
import { fromNodeHeaders } from './node-headers.ts'
import { NodeStream } from './node-stream.ts'
import { sessionOptions } from './session-options.ts'

const endStreamFlag = 1
const internalError = 2

/** The listening side over node:http2. */
export class NodeServerTransport implements ServerTransport {
  readonly #settings: ServerTransportSettings
  readonly #servers: (Http2Server | Http2SecureServer)[] = []
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #sockets = new Set<Socket>()
  #draining = false
  #emptied: (() => void) | undefined = undefined

  constructor(settings: ServerTransportSettings) {
    this.#settings = settings
  }

  async listen(target: ListenTarget): Promise<ListenTarget> {
    const server = this.#create()
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: Error): void => {
        reject(
          rpcErrors.error(
            'TM_RPC_LISTEN',
            { address: formatListenTarget(target), reason: cause.message },
            { cause },
          ),
        )
      }
      server.once('error', failed)
      const listening = (): void => {
        server.off('error', failed)
        server.on('error', ignore)
        resolve()
      }
      if (target.kind === 'unix') server.listen(target.path, listening)
      else server.listen(target.port, target.host, listening)
    })
    this.#servers.push(server)
    const address = server.address()
    if (target.kind === 'unix' || address === null || typeof address === 'string') return target
    return { kind: 'tcp', host: target.host, port: address.port }
  }

  async drain(graceMs: number): Promise<void> {
    this.#draining = true
    for (const server of this.#servers) server.close()
    for (const session of this.#sessions) session.close()
    if (this.#sessions.size > 0) {
      let timer: Timer | undefined
      await new Promise<void>((resolve) => {
        this.#emptied = resolve
        if (graceMs !== Infinity) {
          timer = this.#settings.clock.timer(graceMs, resolve, { ref: false })
        }
      })
      timer?.cancel()
    }
    await this.close()
  }

  async close(): Promise<void> {
    this.#draining = true
    const closing = this.#servers
      .splice(0)
      .map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const session of this.#sessions) session.destroy()
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closing)
  }

  #create(): Http2Server | Http2SecureServer {
    const { maxConcurrentStreams, tls } = this.#settings
    // A client that has ended its side may still wait for answers; node's types do not know that option here.
    const options = {
      ...sessionOptions(this.#settings, { maxConcurrentStreams }),
      allowHalfOpen: true,
    }
    const server =
      tls === undefined
        ? createServer(options)
        : createSecureServer({
            ...options,
            key: tls.key,
            cert: tls.cert,
            ALPNProtocols: ['h2'],
            ...(tls.clientCa === undefined
              ? {}
              : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          })
    server.on('sessionError', ignore)
    server.on('tlsClientError', ignore)
    server.on('unknownProtocol', (socket: Socket) => socket.destroy())
    server.on('connection', (socket: Socket) => {
      if (this.#sockets.size >= this.#settings.maxConnections) {
        socket.destroy()
        return
      }
      this.#sockets.add(socket)
      socket.on('error', ignore)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.on('session', (session: ServerHttp2Session) => this.#accept(session))
    return server
  }

  #accept(session: ServerHttp2Session): void {
    session.on('error', ignore)
    if (this.#draining) {
      session.destroy()
      return
    }
    this.#sessions.add(session)
    const { flow } = this.#settings
    session.setLocalWindowSize(flow.connectionWindow)
    const connection = new NodeConnection(session, flow, {
      drainAtStreamId: lastStreamId,
      slots: () => {},
      usedUp: () => {},
      failed: (error) => handler.onError(error),
    })
    const handler = this.#settings.onConnection(connection)
    session.on('ping', () => handler.onPing())
    session.on(
      'stream',
      (raw: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, list?: string[]) => {
        accept(
          connection,
          handler,
          raw,
          fromNodeHeaders(headers, list),
          (flags & endStreamFlag) !== 0,
        )
      },
    )
    // Who is gone answers a segment with RST, as on the native transport; node tells that to the ping alone.
    session.socket.once('end', () => {
      if (session.destroyed) return
      session.ping((error) => {
        if (error !== null) session.destroy()
      })
    })
    session.once('close', () => {
      this.#sessions.delete(session)
      // After the close of its streams, which node tells in later turns.
      setImmediate(() => handler.onClose('closed'))
      if (this.#sessions.size === 0) this.#emptied?.()
    })
  }
}

function accept(
  connection: NodeConnection,
  handler: ServerConnectionHandler,
  raw: ServerHttp2Stream,
  list: readonly string[],
  end: boolean,
): void {
  const stream = connection.adopt(new NodeStream(raw, connection, true))
  if (end) stream.headersEnded()
  try {
    stream.handler = handler.onStream(stream, list, end)
  } catch (error) {
    handler.onError(error)
    stream.reset(internalError)
  }
}

function ignore(): void {
  // node:http2 kills the process when nobody listens; what failed is told by the close that follows.
}
