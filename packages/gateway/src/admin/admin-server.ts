import { isIP } from 'node:net'
import { type Closable, realClock, silentLogger, TidemillError } from '@tidemill/core'
import { createHttp1Server, type ServerExchange } from '@tidemill/http1/node'
import { gatewayErrors } from '../errors.ts'
import { type AdminAnswer, problem } from './admin-answer.ts'
import type { AdminOptions } from './admin-options.ts'
import { AdminPaths } from './admin-paths.ts'
import { AdminRequest } from './admin-request.ts'
import { BearerToken, makeToken } from './bearer-token.ts'
import { mostWatchers, StatusStream } from './status-stream.ts'

/** The admin API of a running gateway. */
export interface Admin extends Closable {
  readonly url: string
  /** The one that was given, or the one that was made. */
  readonly token: string
  readonly tokenMade: boolean
  /** A drain was asked for. */
  readonly draining: boolean
}

/** As much as one object may have and its JSON around it; a list of objects may have more. */
const longestBody = 2 * 1024 * 1024
const longestList = 32 * 1024 * 1024
const shortestToken = 16

/** A request whose body is being read. */
interface Reading {
  readonly chunks: Buffer[]
  readonly most: number
  size: number
}

/**
 * Serves the admin API; every path but `/healthz` and `/readyz` needs the token. Rejects with TM_GATEWAY_LISTEN when
 * the port cannot be bound. Closing it leaves the runtime as it is.
 */
export async function openAdmin(options: AdminOptions): Promise<Admin> {
  const { clock = realClock, logger = silentLogger, runtime } = options
  const token = options.token ?? makeToken()
  if (token.length < shortestToken || /\s/u.test(token)) {
    const reason = `the token must have at least ${shortestToken} characters and no spaces`
    throw gatewayErrors.error('TM_GATEWAY_ADMIN_BODY', { reason })
  }
  const bearer = new BearerToken(token)
  const paths = new AdminPaths(options)
  const stream = new StatusStream(runtime, clock)

  const refuse = (exchange: ServerExchange, error: unknown): void => {
    if (!TidemillError.is(error)) {
      logger.log('error', 'a request of the admin API failed', { path: exchange.head.path, error })
    }
    send(exchange, problem(error, exchange.head.path))
  }
  /** What is answered before the body: without the token nothing of it is kept. */
  const admit = (exchange: ServerExchange): Reading | undefined => {
    const { head } = exchange
    const request = new AdminRequest(head, '')
    const answer = paths.open(request)
    if (answer !== undefined) {
      send(exchange, answer)
      return undefined
    }
    if (!bearer.admits(request.header('authorization'))) {
      throw gatewayErrors.error('TM_GATEWAY_ADMIN_TOKEN')
    }
    const most = head.path === '/v1/objects' ? longestList : longestBody
    if (head.bodyLength > most) {
      throw gatewayErrors.error('TM_GATEWAY_BODY_TOO_LARGE', { limit: most })
    }
    return { chunks: [], most, size: 0 }
  }
  const server = createHttp1Server({
    clock,
    maxConnections: 256,
    handler: {
      onRequest(exchange) {
        try {
          exchange.state = admit(exchange)
        } catch (error) {
          exchange.closeAfter()
          refuse(exchange, error)
        }
      },
      onBody(exchange, chunk) {
        const reading = exchange.state as Reading | undefined
        if (reading === undefined) return
        reading.size += chunk.length
        if (reading.size <= reading.most) {
          reading.chunks.push(chunk)
          return
        }
        exchange.state = undefined
        exchange.closeAfter()
        refuse(exchange, gatewayErrors.error('TM_GATEWAY_BODY_TOO_LARGE', { limit: reading.most }))
      },
      onEnd(exchange) {
        const reading = exchange.state as Reading | undefined
        if (reading === undefined) return
        exchange.state = undefined
        const request = new AdminRequest(exchange.head, Buffer.concat(reading.chunks).toString())
        if (request.method === 'GET' && request.path === '/v1/status' && request.flag('watch')) {
          if (stream.size >= mostWatchers) {
            refuse(
              exchange,
              gatewayErrors.error('TM_GATEWAY_OVERLOADED', {
                route: 'admin',
                limit: mostWatchers,
              }),
            )
          } else stream.open(exchange)
          return
        }
        paths.answer(request).then(
          (answer) => send(exchange, answer),
          (error: unknown) => refuse(exchange, error),
        )
      },
      onWritable: (exchange) => stream.writable(exchange),
      onHalfClose: (exchange) => {
        if (stream.leave(exchange)) exchange.abort()
      },
      onAbort: (exchange) => void stream.leave(exchange),
    },
  })
  const { address: host = '127.0.0.1', port = 9180 } = options.listen ?? {}
  const bound = await server.listen({ host, port }).catch((error: unknown) => {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    throw gatewayErrors.error('TM_GATEWAY_LISTEN', { host, port, reason }, { cause: error })
  })
  const shown = isIP(host) === 6 ? `[${host}]` : host
  let closing: Promise<void> | undefined
  const admin: Admin = {
    url: `http://${shown}:${bound.port}`,
    token,
    tokenMade: options.token === undefined,
    get draining() {
      return paths.draining
    },
    close() {
      stream.close()
      return (closing ??= server.drain({ idle: '0s', timeout: '2s' }).then(() => server.close()))
    },
    [Symbol.asyncDispose]: () => admin.close(),
  }
  return admin
}

/** The client may be gone by now. */
function send(exchange: ServerExchange, answer: AdminAnswer): void {
  if (!exchange.open) return
  exchange.respond(answer.status, answer.headers, answer.body)
}
