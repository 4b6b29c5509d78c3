import type { RemoteInfo, Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import type { Clock, Random, WheelTimer } from '@tidemill/core'
import { sharedTimerWheel } from '@tidemill/core'
import { type Host, isUsable } from '../balance/host.ts'
import { ConnectionCounter } from '../listener/connection-counter.ts'
import type { ListenerPlan, SocketPlan } from '../listener/listener-plan.ts'
import type { Cluster } from '../upstream/cluster.ts'
import { nextBackend } from './stream-choice.ts'
import { UdpSession, type UdpSessionOwner } from './udp-session.ts'

export interface UdpCounts {
  /** Client addresses with a session now, since the start, ended to make room. */
  readonly sessions: number
  readonly opened: number
  readonly evicted: number
  /** Packets from and to clients, and those that went nowhere. */
  readonly packetsIn: number
  readonly packetsOut: number
  readonly dropped: number
}

/** Milliseconds without a packet after which a session ends. */
const idleMs = 60_000
const sweepMs = 5000
/** Sessions are put in the order of their last packet at most this often. */
const reorderMs = 1000
const maxQueued = 4 * 1024 * 1024

const ignore = (): void => undefined

/** Carries the packets of one UDP socket: each client address has its session with one host of a backend. */
export class UdpRelay implements UdpSessionOwner {
  readonly #clock: Clock
  readonly #random: Random
  readonly #sweep: WheelTimer
  readonly #counter = new ConnectionCounter()
  /** By `address port`, roughly the one that was silent longest first. */
  readonly #sessions = new Map<string, UdpSession>()
  #listener: ListenerPlan | undefined
  #socket: Socket | undefined = undefined
  #ownPort = 0
  #ownAddresses: ReadonlySet<string> = new Set()
  #opened = 0
  #evicted = 0
  #packetsIn = 0
  #packetsOut = 0
  #dropped = 0

  constructor(plan: SocketPlan, clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
    this.#sweep = sharedTimerWheel(clock).timer(() => this.#endIdle())
    this.#listener = plan.listeners.find(({ protocol }) => protocol === 'UDP')
  }

  get counts(): UdpCounts {
    return {
      sessions: this.#sessions.size,
      opened: this.#opened,
      evicted: this.#evicted,
      packetsIn: this.#packetsIn,
      packetsOut: this.#packetsOut,
      dropped: this.#dropped,
    }
  }

  /** A bound socket; who opened it closes it. */
  serve(socket: Socket): void {
    this.#socket = socket
    this.#ownPort = socket.address().port
    const interfaces = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    this.#ownAddresses = new Set(interfaces.map(({ address }) => address)).add(
      socket.address().address,
    )
    socket.on('message', (packet, from) => this.#receive(packet, from))
  }

  /** Sessions with backends that are not there any more end. */
  update(plan: SocketPlan): void {
    this.#listener = plan.listeners.find(({ protocol }) => protocol === 'UDP')
    const backends = this.#listener?.streams[0]?.backends ?? []
    for (const [key, session] of this.#sessions)
      if (!backends.some(({ cluster, weight }) => cluster === session.cluster && weight > 0))
        this.#end(key, session)
  }

  close(): void {
    this.#socket = undefined
    this.#sweep.stop()
    for (const [key, session] of this.#sessions) this.#end(key, session)
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    this.#packetsIn++
    const now = this.#clock.monotonic()
    const key = `${from.address} ${from.port}`
    let session = this.#sessions.get(key)
    if (session !== undefined && !usable(session)) {
      this.#end(key, session)
      session = undefined
    }
    session ??= this.#open(key, from, now)
    if (session === undefined || !session.send(packet)) {
      this.#dropped++
      return
    }
    this.#touch(key, session, now)
  }

  #touch(key: string, session: UdpSession, now: number): void {
    if (now - session.seen >= reorderMs) {
      this.#sessions.delete(key)
      this.#sessions.set(key, session)
      session.seen = now
    }
  }

  #open(key: string, from: RemoteInfo, now: number): UdpSession | undefined {
    const listener = this.#listener
    const stream = listener?.streams[0]
    if (listener === undefined || stream === undefined || this.#isOwn(from)) return undefined
    const cluster = nextBackend(stream)
    const host = cluster === undefined ? undefined : this.#host(cluster)
    if (cluster === undefined || host === undefined) return undefined
    const { maxConnections, maxConnectionsPerAddress } = listener.settings
    if (this.#sessions.size >= maxConnections) {
      const [oldest] = this.#sessions
      if (oldest === undefined) return undefined
      this.#evicted++
      this.#end(oldest[0], oldest[1])
    }
    const counted = this.#counter.enter(from.address, Infinity, maxConnectionsPerAddress)
    if (counted === undefined) return undefined
    const client = { address: from.address, port: from.port, counted }
    const session = new UdpSession(client, cluster, host, now, this)
    this.#sessions.set(key, session)
    this.#opened++
    if (!this.#sweep.active) this.#sweep.start(sweepMs)
    return session
  }

  /**
   * A packet that seems to come from this socket, or comes from one of ours towards a backend, would go round for ever:
   * the first is forged, the second is a backend that points back at us.
   */
  #isOwn(from: RemoteInfo): boolean {
    if (from.port === 0) return true
    if (!this.#ownAddresses.has(from.address)) return false
    if (from.port === this.#ownPort) return true
    for (const session of this.#sessions.values()) if (session.localPort === from.port) return true
    return false
  }

  #host(cluster: Cluster): Host | undefined {
    const { hosts } = cluster
    const healthy = hosts.filter(isUsable)
    // None usable: all of them, as the balancer's panic mode does, are better than nothing.
    const from = healthy.length > 0 ? healthy : hosts
    let draw = this.#random.next() * from.reduce((sum, { weight }) => sum + weight, 0)
    for (const host of from) {
      draw -= host.weight
      if (draw < 0) return host
    }
    return from.at(-1)
  }

  onReply(session: UdpSession, packet: Buffer): void {
    const socket = this.#socket
    if (socket === undefined || socket.getSendQueueSize() > maxQueued) {
      this.#dropped++
      return
    }
    this.#packetsOut++
    this.#touch(`${session.address} ${session.port}`, session, this.#clock.monotonic())
    socket.send(packet, session.port, session.address, ignore)
  }

  onSessionError(session: UdpSession): void {
    // The next packet of the client begins anew, perhaps with another host.
    this.#end(`${session.address} ${session.port}`, session)
  }

  #end(key: string, session: UdpSession): void {
    session.close()
    if (this.#sessions.get(key) !== session) return
    this.#sessions.delete(key)
    this.#counter.leave(session.counted)
  }

  #endIdle(): void {
    const before = this.#clock.monotonic() - idleMs
    for (const [key, session] of this.#sessions) {
      // They are in order, but for the second in which they are not moved.
      if (session.seen > before + reorderMs) break
      if (session.seen <= before) this.#end(key, session)
    }
    if (this.#sessions.size > 0) this.#sweep.start(sweepMs)
  }
}

/** Whether the session's host still is one that its cluster would choose. */
function usable(session: UdpSession): boolean {
  const { cluster, host } = session
  return cluster.hosts.includes(host) && (isUsable(host) || !cluster.hosts.some(isUsable))
}
