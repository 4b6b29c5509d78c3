import {
  Agent,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Logger, TidemillError } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import type { RequestFlag } from '../request-log.ts'
import { answerBytes, errorAnswer } from './local-answer.ts'
import { lingerMs, NodeExchange, sendAnswer } from './node-exchange.ts'
import type { Proxy, Traffic } from './proxy.ts'
import { headLimits, type HeadContext, type RequestHead, readHead } from './request-head.ts'

export interface NodeProxyOptions {
  readonly host: string
  readonly port: number
  readonly traffic: Traffic
  readonly clock: Clock
  readonly logger: Logger
  /** Our name in Via; another one for every gateway, so that a chain of gateways is no loop. */
  readonly pseudonym: string
  readonly maxConnectionsPerUpstream: number
  readonly makeRequestId: () => string
}

/** The data plane on node:http: HTTP/1.1 in, HTTP/1.1 with kept-alive connections out. */
export async function openNodeProxy(options: NodeProxyOptions): Promise<Proxy> {
  const proxy = new NodeProxy(options)
  await proxy.listen()
  return proxy
}

/** Node's own limits; the clock port cannot drive them. */
const serverLimits = {
  // Ours is the answer to a missing Host, as a problem document.
  requireHostHeader: false,
  maxHeaderSize: headLimits.headerBytes,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1000,
} as const

class NodeProxy implements Proxy {
  readonly #options: NodeProxyOptions
  readonly #server: Server
  readonly #agent: Agent
  readonly #exchanges = new Set<NodeExchange>()
  #host = ''
  #port = 0
  #draining = false
  #wakeIdle: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(options: NodeProxyOptions) {
    this.#options = options
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: options.maxConnectionsPerUpstream,
      // Below the 5 s after which a node server closes an idle connection, else reuse races with it.
      timeout: 4000,
      scheduling: 'lifo',
    })
    this.#server = createServer(serverLimits)
    this.#server.on('request', (req, res) => this.#serve(req, res, false))
    this.#server.on('checkContinue', (req, res) => this.#serve(req, res, true))
    this.#server.on('checkExpectation', (req, res) =>
      this.#refuse(req, res, gatewayErrors.error('TM_GATEWAY_EXPECTATION')),
    )
    this.#server.on('connect', (_req, socket) =>
      this.#end(socket, gatewayErrors.error('TM_GATEWAY_METHOD', { method: 'CONNECT' })),
    )
    this.#server.on('clientError', (error, socket) => this.#clientError(error, socket))
  }

  get host(): string {
    return this.#host
  }

  get port(): number {
    return this.#port
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code ?? error.message
        reject(gatewayErrors.error('TM_GATEWAY_LISTEN', { host, port, reason }, { cause: error }))
      })
      this.#server.listen(port, host, resolve)
    })
    const address = this.#server.address() as AddressInfo
    this.#host = address.address
    this.#port = address.port
  }

  async drain(graceMs: number, timeoutMs: number): Promise<void> {
    this.#draining = true
    // Not Server.close of node:http: that ends idle connections at once, and resets a client that has
    // just sent its next request there.
    const closed = new Promise<void>((resolve) => {
      NetServer.prototype.close.call(this.#server, () => resolve())
    })
    const { clock } = this.#options
    const stop = new AbortController()
    if (graceMs > 0) {
      const grace = clock.sleep(graceMs, { signal: stop.signal }).catch(() => undefined)
      await Promise.race([closed, grace])
      stop.abort()
    }
    const hardStop = clock.timer(timeoutMs, () => this.#server.closeAllConnections())
    // Only now idle connections: node takes one for idle that still has the end of an answer to send.
    if (this.#exchanges.size > 0) {
      await new Promise<void>((resolve) => {
        this.#wakeIdle = resolve
      })
    }
    this.#server.closeIdleConnections()
    await closed
    hardStop.cancel()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.drain(0, 5000)
    // Stops node's timer that checks for slow connections; the listener is closed already.
    this.#server.close()
    this.#agent.destroy()
  }

  #serve(req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void {
    let head: RequestHead
    try {
      head = readHead(req as IncomingMessage & { method: string; url: string }, this.#context(req))
    } catch (error) {
      this.#refuse(req, res, error as TidemillError)
      return
    }
    const passage = this.#options.traffic.begin(head)
    const exchange = new NodeExchange({
      req,
      res,
      head,
      passage,
      agent: this.#agent,
      clock: this.#options.clock,
      pseudonym: this.#options.pseudonym,
      expectsContinue,
      closing: () => this.#draining,
      onEnd: () => {
        this.#exchanges.delete(exchange)
        if (this.#exchanges.size === 0) this.#wakeIdle?.()
      },
    })
    this.#exchanges.add(exchange)
    exchange.start()
  }

  #context(req: IncomingMessage): HeadContext {
    return {
      pseudonym: this.#options.pseudonym,
      clientAddress: req.socket.remoteAddress ?? '',
      port: String(this.#port),
      makeRequestId: this.#options.makeRequestId,
    }
  }

  #refuse(req: IncomingMessage, res: ServerResponse, error: TidemillError): void {
    const requestId = this.#options.makeRequestId()
    const flag: RequestFlag = error.code === 'TM_GATEWAY_LOOP' ? 'LH' : 'DPE'
    const head = { requestId, method: req.method ?? '', host: '', path: '' }
    this.#options.traffic.refuse(head, error, flag)
    // What follows a request that we read otherwise than its sender is not to be trusted.
    sendAnswer(res, errorAnswer(error, requestId, 0), true, this.#options.clock)
  }

  #clientError(error: Error, socket: Duplex): void {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const coded =
      code === 'HPE_HEADER_OVERFLOW'
        ? gatewayErrors.error('TM_GATEWAY_HEADERS_TOO_LARGE')
        : code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? gatewayErrors.error('TM_GATEWAY_CLIENT_TIMEOUT')
          : gatewayErrors.error('TM_GATEWAY_BAD_REQUEST', { reason: code ?? error.message })
    // Bytes of ours in the middle of an answer would be taken for a part of it.
    const busy = [...this.#exchanges].filter((exchange) => exchange.socket === socket)
    if (busy.length === 0) this.#end(socket, coded)
    for (const exchange of busy) exchange.clientBroke(coded)
  }

  /** Answers on a socket that has no response object, and ends it. */
  #end(socket: Duplex, error: TidemillError): void {
    const requestId = this.#options.makeRequestId()
    this.#options.traffic.refuse({ requestId, method: '', host: '', path: '' }, error, 'DPE')
    const answer = errorAnswer(error, requestId, 0)
    socket.on('error', () => socket.destroy())
    socket.end(answerBytes(answer, STATUS_CODES[error.http] ?? ''))
    // Read on, or closing would reset the connection before the client has read the answer.
    socket.resume()
    const linger = this.#options.clock.timer(lingerMs, () => socket.destroy())
    socket.on('close', () => linger.cancel())
  }
}
