import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Host } from '../balance/host.ts'
import type { Cluster } from '../upstream/cluster.ts'

export interface UdpSessionOwner {
  onReply(session: UdpSession, packet: Buffer): void
  /** The upstream refuses (ICMP) or the socket is broken. */
  onSessionError(session: UdpSession): void
}

/** Packets that wait for the upstream's address. */
const maxWaiting = 16
/** Bytes that the system has not taken yet; what comes on top is dropped, as on any full UDP path. */
const maxQueued = 1024 * 1024

/** The packets of one client address, on an upstream socket of their own, so that replies find back. */
export class UdpSession {
  readonly address: string
  readonly port: number
  readonly cluster: Cluster
  readonly host: Host
  /** What the counter of addresses wants back. */
  readonly counted: string
  /** Monotonic time of the last packet either way. */
  seen: number
  /** Our port towards the upstream; 0 while it is not bound. */
  localPort: number = 0
  readonly #socket: Socket
  #waiting: Buffer[] | undefined = []
  #closed = false

  constructor(
    client: { readonly address: string; readonly port: number; readonly counted: string },
    cluster: Cluster,
    host: Host,
    now: number,
    owner: UdpSessionOwner,
  ) {
    this.address = client.address
    this.port = client.port
    this.counted = client.counted
    this.cluster = cluster
    this.host = host
    this.seen = now
    const socket = createSocket({ type: isIPv6(host.address) ? 'udp6' : 'udp4' })
    this.#socket = socket
    socket.on('error', () => owner.onSessionError(this))
    socket.on('message', (packet) => owner.onReply(this, packet))
    // A connected socket takes packets of nobody but the upstream, and hears when its port is closed.
    socket.connect(host.port, host.address, () => {
      if (this.#closed) return
      this.localPort = socket.address().port
      const waiting = this.#waiting ?? []
      this.#waiting = undefined
      for (const packet of waiting) socket.send(packet)
    })
  }

  /** False when the packet had to be dropped. */
  send(packet: Buffer): boolean {
    if (this.#closed) return false
    if (this.#waiting !== undefined) {
      if (this.#waiting.length >= maxWaiting) return false
      this.#waiting.push(packet)
      return true
    }
    if (this.#socket.getSendQueueSize() > maxQueued) return false
    this.#socket.send(packet)
    return true
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#waiting = undefined
    this.#socket.close()
  }
}
