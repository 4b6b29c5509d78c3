import type { Socket } from 'node:net'
import {
  type Closable,
  type Clock,
  type Logger,
  type Random,
  sharedTimerWheel,
} from '@tidemill/core'
import type { Http1Server } from '@tidemill/http1/node'
import { ReceiveBudget } from '@tidemill/http2'
import type { ListenerSettings } from '../listener/listener-plan.ts'
import type { ConnectionFacts } from './connection-facts.ts'
import { ConnectionState } from './connection-state.ts'
import { ExchangeList } from './exchange-list.ts'
import { openHttp1Side } from './http1-side.ts'
import { Http2Side } from './http2-side.ts'
import type { Traffic } from './passage.ts'
import type { PlaneContext } from './plane-context.ts'
import { sniffProtocol } from './preface.ts'
import { refuseConnection } from './request-gate.ts'

export interface DataPlaneOptions {
  readonly traffic: Traffic
  readonly clock: Clock
  readonly logger: Logger
  readonly random: Random
  /** Our name in Via; another one for every gateway, so that a chain of gateways is no loop. */
  readonly pseudonym: string
  readonly makeRequestId: () => string
  /** Largest request body whatever a route says, in bytes; default 1 GiB. */
  readonly maxBodyBytes?: number
}

/** Serves HTTP on sockets that somebody else accepted. */
export interface DataPlane extends Closable {
  /**
   * Takes a socket over. It must have been made with `allowHalfOpen`, and nobody may have listened for its data yet, so
   * that no byte is lost. Its errors are handled from here on.
   */
  accept(socket: Socket, facts: ConnectionFacts): void
  readonly counts: PlaneCounts
  /**
   * Says `Connection: close` (HTTP/1.1) and GOAWAY (HTTP/2) with what is still answered. After `graceMs` idle
   * connections end, after another `timeoutMs` all do. Resolves when none is left. Sockets that come meanwhile are served
   * and told the same: the listener decides when it takes no more.
   */
  drain(graceMs: number, timeoutMs: number): Promise<void>
  /** Ends everything at once. */
  close(): Promise<void>
}

export interface PlaneCounts {
  /** Connections open now, those included whose first bytes have not told their protocol. */
  readonly http1: number
  readonly http2: number
  readonly undecided: number
  /** Requests and tunnels under way. */
  readonly requests: number
  /** Copies sent to mirrors, and those given up because the body was too long. */
  readonly mirrored: number
  readonly mirrorsCut: number
}

/** Memory for request bodies that were received and not taken by their upstreams, of all HTTP/2 connections. */
const receiveBudgetBytes = 256 * 1024 * 1024

export function createDataPlane(options: DataPlaneOptions): DataPlane {
  return new HttpDataPlane(options)
}

class HttpDataPlane implements DataPlane {
  readonly #context: PlaneContext
  readonly #maxBodyBytes: number
  /** HTTP/1.1 connections by their settings, which may change while the gateway runs. */
  readonly #http1 = new Map<ListenerSettings, Map<'http' | 'https', Http1Server>>()
  readonly #http2 = new Set<Http2Side>()
  readonly #undecided = new Set<Socket>()
  readonly #receiveBudget = new ReceiveBudget(receiveBudgetBytes)
  readonly #http2Closed: (side: Http2Side) => void
  /** Called when the last connection of HTTP/2, or one that is undecided, has gone. */
  readonly #waiting = new Set<() => void>()
  #draining: { readonly idle: `${number}ms`; readonly timeout: `${number}ms` } | undefined =
    undefined
  #closed = false

  constructor(options: DataPlaneOptions) {
    const { clock, pseudonym } = options
    const wheel = sharedTimerWheel(clock)
    let second = -1
    let date = ''
    this.#context = {
      traffic: options.traffic,
      clock,
      wheel,
      logger: options.logger,
      random: options.random,
      pseudonym,
      via: `1.1 ${pseudonym}`,
      makeRequestId: options.makeRequestId,
      exchanges: new ExchangeList(wheel),
      mirrors: { sent: 0, cut: 0 },
      date() {
        const now = clock.now()
        if (Math.floor(now / 1000) !== second) {
          second = Math.floor(now / 1000)
          date = new Date(now).toUTCString()
        }
        return date
      },
    }
    this.#maxBodyBytes = options.maxBodyBytes ?? 1024 ** 3
    this.#http2Closed = (side) => {
      this.#http2.delete(side)
      this.#wake()
    }
  }

  get counts(): PlaneCounts {
    let http1 = 0
    for (const server of this.#servers()) http1 += server.connections
    const { exchanges, mirrors } = this.#context
    return {
      http1,
      http2: this.#http2.size,
      undecided: this.#undecided.size,
      requests: exchanges.size,
      mirrored: mirrors.sent,
      mirrorsCut: mirrors.cut,
    }
  }

  accept(socket: Socket, facts: ConnectionFacts): void {
    if (this.#closed || socket.destroyed) {
      socket.destroy()
      return
    }
    // Always followed by close, which says all there is to say.
    socket.on('error', () => socket.destroy())
    const state = new ConnectionState(this.#context, facts, socket.remoteAddress ?? '')
    if (facts.protocol !== 'sniff') {
      this.#serve(socket, state, facts.protocol)
      return
    }
    this.#undecided.add(socket)
    const gone = (): void => {
      this.#undecided.delete(socket)
      this.#wake()
    }
    socket.on('close', gone)
    sniffProtocol(socket, this.#context.wheel, facts.settings.headerMs, (protocol) => {
      socket.off('close', gone)
      this.#undecided.delete(socket)
      if (protocol === 'foreign') {
        refuseConnection(state)
        socket.destroy()
        this.#wake()
      } else this.#serve(socket, state, protocol)
    })
  }

  async drain(graceMs: number, timeoutMs: number): Promise<void> {
    const { clock } = this.#context
    this.#draining = { idle: `${graceMs}ms`, timeout: `${graceMs + timeoutMs}ms` }
    const draining = this.#draining
    for (const side of this.#http2) side.drain()
    const idle = clock.timer(graceMs, () => {
      for (const socket of this.#undecided) socket.destroy()
      this.#context.exchanges.goAway()
    })
    const hard = clock.timer(graceMs + timeoutMs, () => this.#cutHttp2())
    // Once more for those that came meanwhile.
    do {
      await Promise.all([...this.#servers()].map((server) => server.drain(draining)))
      await this.#othersGone()
    } while (this.counts.http1 > 0)
    idle.cancel()
    hard.cancel()
  }

  close(): Promise<void> {
    this.#closed = true
    this.#cutHttp2()
    for (const server of this.#servers()) server.cut()
    this.#context.exchanges.close()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #serve(socket: Socket, state: ConnectionState, protocol: 'http/1.1' | 'h2'): void {
    if (protocol === 'http/1.1') {
      this.#http1For(state).accept(socket, state)
      return
    }
    const side = new Http2Side(socket, state, this.#receiveBudget, this.#http2Closed)
    this.#http2.add(side)
    if (this.#draining !== undefined) side.drain()
  }

  #http1For(state: ConnectionState): Http1Server {
    const { settings } = state.facts
    const { scheme } = state
    let servers = this.#http1.get(settings)
    if (servers === undefined) {
      this.#forgetUnused()
      servers = new Map()
      this.#http1.set(settings, servers)
    }
    let server = servers.get(scheme)
    if (server === undefined) {
      server = openHttp1Side(this.#context, settings, scheme, this.#maxBodyBytes)
      servers.set(scheme, server)
      if (this.#draining !== undefined) void server.drain(this.#draining)
    }
    return server
  }

  /** Settings that no connection has any more are those of an older configuration. */
  #forgetUnused(): void {
    for (const [settings, servers] of this.#http1) {
      if ([...servers.values()].every((server) => server.connections === 0))
        this.#http1.delete(settings)
    }
  }

  *#servers(): Generator<Http1Server> {
    for (const servers of this.#http1.values()) yield* servers.values()
  }

  #cutHttp2(): void {
    for (const socket of this.#undecided) socket.destroy()
    for (const side of this.#http2) side.close()
  }

  #othersGone(): Promise<void> {
    if (this.#http2.size === 0 && this.#undecided.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.add(resolve)
    })
  }

  #wake(): void {
    if (this.#http2.size > 0 || this.#undecided.size > 0) return
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
