import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock, Random, TimerWheel } from '@tidemill/core'
import type { ConnectionFacts } from '../dataplane/connection-facts.ts'
import type { StreamRelay } from '../stream/stream-relay.ts'
import type { ClientHello, ClientHelloReader } from './client-hello.ts'
import { ConnectionCounter } from './connection-counter.ts'
import { HelloSniffer, type SnifferOwner } from './hello-sniffer.ts'
import type { ListenerPlan, SocketPlan } from './listener-plan.ts'
import { ListenerTable, SocketResolver } from './listener-table.ts'
import { anonymousPeer, peerIdentity } from './peer-certificate.ts'
import type { TerminatorCache } from './terminator-cache.ts'
import { type TlsTerminator, validationKey } from './tls-terminator.ts'

export interface TcpPortContext {
  readonly accept: (socket: Socket, facts: ConnectionFacts) => void
  readonly relay: StreamRelay
  readonly terminators: TerminatorCache
  readonly clock: Clock
  readonly random: Random
  readonly wheel: TimerWheel
  readonly handshakeMs: number
  /** Part of the limits of connections that this process may use up: 1 / workers. */
  readonly share: () => number
}

export interface TcpPortCounts {
  /** Connections now, since the start, and turned away by a limit. */
  readonly open: number
  readonly accepted: number
  readonly refused: number
  /** Handshakes that did not come to an end: no ClientHello, no listener for the name, TLS faults. */
  readonly handshakeFailures: number
}

/** Fatal alert unrecognized_name (112), RFC 6066 3. */
const unrecognizedName = Buffer.from([21, 3, 3, 0, 2, 2, 112])
const plainOnTls = Buffer.from(
  'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 49\r\nconnection: close\r\n\r\n' +
    'this port speaks TLS: write https:// in the URL.\n',
)

const ignore = (): void => undefined

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}

/** The connections of one bound TCP socket: from accept to whoever serves them. */
export class TcpPort implements SnifferOwner {
  readonly #context: TcpPortContext
  readonly #counter = new ConnectionCounter()
  readonly #resolver: SocketResolver
  /** Sockets in their handshake, by the address of their peer: what Node gives after it is another object. */
  readonly #early = new Map<string, Socket>()
  readonly #settled: (() => void)[] = []
  #terminators = new Map<ListenerPlan, TlsTerminator>()
  #problems: string[] = []
  #handshakeFailures = 0
  /** Port that is bound: what requests came to where the plan asks for any free one. */
  boundPort = 0

  constructor(plan: SocketPlan, context: TcpPortContext) {
    this.#context = context
    this.#resolver = new SocketResolver(new ListenerTable(plan))
    this.#prepare()
  }

  /** New connections and new requests on open ones see the new listeners from this turn on. */
  update(plan: SocketPlan): void {
    this.#resolver.table = new ListenerTable(plan)
    this.#prepare()
  }

  /** Listeners that cannot serve, and why. */
  get problems(): readonly string[] {
    return this.#problems
  }

  get counts(): TcpPortCounts {
    const { open, accepted, refused } = this.#counter
    return { open, accepted, refused, handshakeFailures: this.#handshakeFailures }
  }

  #prepare(): void {
    const terminators = new Map<ListenerPlan, TlsTerminator>()
    this.#problems = []
    for (const listener of this.#resolver.table.listeners) {
      if (listener.tls?.mode !== 'Terminate') continue
      const made = this.#context.terminators.open(this, listener)
      if (typeof made === 'string') this.#problems.push(`listener ${listener.name}: ${made}`)
      else terminators.set(listener, made)
    }
    this.#terminators = terminators
    this.#context.terminators.keep(this, new Set(terminators.values()))
  }

  /** A connection of which no byte has been read. */
  connection(socket: Socket): void {
    const { table } = this.#resolver
    const address = socket.remoteAddress
    if (address === undefined) {
      // Gone before it was looked at.
      socket.destroy()
      return
    }
    const share = this.#context.share()
    const key = this.#counter.enter(
      address,
      Math.ceil(table.maxConnections * share),
      Math.ceil(table.maxConnectionsPerAddress * share),
    )
    if (key === undefined) {
      socket.resetAndDestroy()
      return
    }
    const peer = peerOf(socket)
    socket.on('close', () => {
      this.#counter.leave(key)
      if (this.#early.get(peer) === socket) this.#served(peer)
    })
    socket.on('error', ignore)
    if (table.kind === 'http') this.#acceptPlain(socket, table)
    else if (table.kind === 'tls') {
      this.#early.set(peer, socket)
      const { wheel, handshakeMs } = this.#context
      void new HelloSniffer(socket, this, wheel, handshakeMs)
    } else this.#relay(socket, table.listeners[0], '')
  }

  #acceptPlain(socket: Socket, table: ListenerTable): void {
    const [first] = table.listeners
    if (first === undefined) {
      socket.resetAndDestroy()
      return
    }
    this.#context.accept(socket, {
      protocol: 'sniff',
      peer: undefined,
      port: first.port === 0 ? this.boundPort : first.port,
      settings: first.settings,
      listeners: this.#resolver,
    })
  }

  #relay(socket: Socket, listener: ListenerPlan | undefined, serverName: string): void {
    this.#served(peerOf(socket))
    if (listener === undefined) socket.resetAndDestroy()
    else this.#context.relay.open(socket, listener, serverName)
  }

  onHello(socket: Socket, hello: ClientHello): void {
    const listener = this.#resolver.table.find(hello.serverName)
    if (listener?.tls?.mode === 'Passthrough') {
      this.#relay(socket, listener, hello.serverName)
      return
    }
    const terminator = listener === undefined ? undefined : this.#terminators.get(listener)
    if (terminator === undefined) this.#refuse(socket, unrecognizedName)
    else terminator.handshake(socket, hello.serverName)
  }

  onNoHello(socket: Socket, reader: ClientHelloReader): void {
    if (reader.plainHttp) this.#refuse(socket, plainOnTls)
    else {
      this.#handshakeFailures++
      socket.destroy()
    }
  }

  #refuse(socket: Socket, answer: Buffer): void {
    this.#handshakeFailures++
    // What is not read would make the system reset the connection before the answer is seen.
    socket.resume()
    socket.end(answer, () => socket.destroySoon())
  }

  onHandshakeFailed(): void {
    this.#handshakeFailures++
  }

  onSecure(socket: TLSSocket, terminator: TlsTerminator): void {
    this.#served(peerOf(socket))
    const name = typeof socket.servername === 'string' ? socket.servername : ''
    const serverName = name.toLowerCase().replace(/\.$/u, '')
    const listener = this.#resolver.table.find(serverName)
    // The configuration may have changed meanwhile: nobody gets in by what was demanded before.
    if (
      listener?.tls?.mode !== 'Terminate' ||
      validationKey(listener.tls) !== terminator.validation
    ) {
      this.#handshakeFailures++
      socket.destroy()
      return
    }
    socket.on('error', ignore)
    if (listener.protocol === 'TLS') {
      this.#context.relay.open(socket, listener, serverName)
      return
    }
    this.#context.accept(socket, {
      protocol: socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1',
      peer:
        listener.tls.clientValidation === undefined
          ? anonymousPeer(serverName)
          : peerIdentity(socket, serverName),
      port: listener.port === 0 ? this.boundPort : listener.port,
      settings: listener.settings,
      listeners: this.#resolver,
    })
  }

  /** The connection is in other hands, or gone. */
  #served(peer: string): void {
    if (!this.#early.delete(peer) || this.#early.size > 0) return
    for (const resolve of this.#settled.splice(0)) resolve()
  }

  /** Resolves when no handshake is under way. */
  async settled(): Promise<void> {
    if (this.#early.size > 0) await new Promise<void>((resolve) => this.#settled.push(resolve))
  }

  endHandshakes(): void {
    for (const socket of this.#early.values()) socket.destroy()
  }

  /** Ends connections whose handshake is under way. */
  close(): void {
    this.endHandshakes()
    this.#context.terminators.drop(this)
  }
}
