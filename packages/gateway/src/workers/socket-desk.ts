import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Clock, Timer } from '@tidemill/core'
import { listenBacklog } from '../listener/local-binder.ts'
import type { SocketAnswer, SocketWish } from './protocol.ts'

/** A worker as far as sockets go. */
export interface SocketClient {
  /** Whether it is given new connections. */
  readonly accepting: boolean
  /** Connections that it has, as far as is known. */
  open: number
  /** Hands a connection over; the desk keeps it open until `took`. */
  give(key: string, id: number, connection: Socket): void
  serveUdp(key: string): void
}

interface Entry {
  readonly wish: SocketWish
  readonly port: number
  /** Of tcp. */
  readonly server: Server | undefined
  readonly clients: Set<SocketClient>
  /** Of udp: who serves it. */
  udpServer: SocketClient | undefined
  /** Accepted while no worker could take them. */
  readonly waiting: Socket[]
  /** Closes it when no worker has come back. */
  abandoned: Timer | undefined
}

interface Handed {
  readonly entry: Entry
  readonly connection: Socket
  readonly to: SocketClient
}

/** Connections that wait for a worker; more are reset. */
const maxWaiting = 1024
/** How long a socket stays open for a worker that shall replace one that died. */
const holdMs = 30_000

const ignore = (): void => undefined

/**
 * The listening sockets of a node, owned by the primary. It accepts and hands each connection to the worker that has the
 * fewest, and keeps its own copy until the worker says that it came: who dies before that loses nothing. Sharing the
 * listening sockets themselves (SCHED_NONE) accepts about twice as many connections a second, but the kernel spreads
 * them unevenly (13 to 52 of 64 were seen), and a long-lived connection stays where it is.
 */
export class SocketDesk {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  readonly #opening = new Map<string, Promise<Entry | string>>()
  readonly #handed = new Map<number, Handed>()
  #lastId = 0
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The sockets that are open, with the ports that were chosen. */
  sockets(): readonly { readonly key: string; readonly port: number }[] {
    return Array.from(this.#entries.values(), ({ wish, port }) => ({ key: wish.key, port }))
  }

  async open(client: SocketClient, wish: SocketWish): Promise<SocketAnswer> {
    let opening = this.#opening.get(wish.key)
    if (opening === undefined) {
      const known = this.#entries.get(wish.key)
      opening = known === undefined ? this.#make(wish) : Promise.resolve(known)
      this.#opening.set(wish.key, opening)
    }
    const entry = await opening
    if (this.#opening.get(wish.key) === opening) this.#opening.delete(wish.key)
    if (typeof entry === 'string') return { port: 0, reason: entry, serve: false }
    entry.clients.add(client)
    entry.abandoned?.cancel()
    entry.abandoned = undefined
    if (wish.transport === 'udp') entry.udpServer ??= client
    for (const connection of entry.waiting.splice(0)) this.#dispatch(entry, connection)
    return { port: entry.port, reason: '', serve: entry.udpServer === client }
  }

  async #make(wish: SocketWish): Promise<Entry | string> {
    try {
      const entry =
        wish.transport === 'udp'
          ? this.#entry(wish, await freeUdpPort(wish), undefined)
          : await this.#listen(wish)
      if (this.#closed) {
        entry.server?.close()
        return 'closed'
      }
      this.#entries.set(wish.key, entry)
      return entry
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      return code ?? message
    }
  }

  async #listen(wish: SocketWish): Promise<Entry> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true })
    server.listen({ host: wish.address, port: wish.port, backlog: listenBacklog, exclusive: true })
    await once(server, 'listening')
    server.on('error', ignore)
    const entry = this.#entry(wish, (server.address() as AddressInfo).port, server)
    server.on('connection', (connection: Socket) => {
      connection.on('error', ignore)
      this.#dispatch(entry, connection)
    })
    return entry
  }

  #entry(wish: SocketWish, port: number, server: Server | undefined): Entry {
    return {
      wish,
      port,
      server,
      clients: new Set(),
      udpServer: undefined,
      waiting: [],
      abandoned: undefined,
    }
  }

  #dispatch(entry: Entry, connection: Socket): void {
    let best: SocketClient | undefined
    for (const client of entry.clients)
      if (client.accepting && (best === undefined || client.open < best.open)) best = client
    if (best === undefined) {
      if (entry.waiting.length < maxWaiting) entry.waiting.push(connection)
      else connection.resetAndDestroy()
      return
    }
    // The next of two equal ones is the other one.
    entry.clients.delete(best)
    entry.clients.add(best)
    best.open++
    const id = ++this.#lastId
    this.#handed.set(id, { entry, connection, to: best })
    best.give(entry.wish.key, id, connection)
  }

  /** The worker has the connection: our copy of it is closed, which does not end it. */
  took(id: number): void {
    this.#handed.get(id)?.connection.destroy()
    this.#handed.delete(id)
  }

  release(client: SocketClient, key: string): void {
    const entry = this.#entries.get(key)
    if (entry?.clients.delete(client) !== true) return
    this.#passOn(entry, client)
    if (entry.clients.size === 0) this.#close(entry)
  }

  /** The worker is about to drain: another one takes over what only one does. */
  retire(client: SocketClient): void {
    for (const entry of this.#entries.values()) this.#passOn(entry, client)
  }

  #passOn(entry: Entry, from: SocketClient): void {
    if (entry.udpServer !== from) return
    entry.udpServer = [...entry.clients].find((other) => other !== from && other.accepting)
    entry.udpServer?.serveUdp(entry.wish.key)
  }

  /** The worker is gone; connections that it did not take go to others. */
  leave(client: SocketClient): void {
    for (const entry of this.#entries.values()) {
      if (!entry.clients.delete(client)) continue
      this.#passOn(entry, client)
      if (entry.clients.size > 0 || this.#closed) continue
      entry.abandoned = this.#clock.timer(holdMs, () => this.#close(entry), { ref: false })
    }
    for (const [id, { entry, connection, to }] of this.#handed) {
      if (to !== client) continue
      this.#handed.delete(id)
      this.#dispatch(entry, connection)
    }
  }

  #close(entry: Entry): void {
    entry.abandoned?.cancel()
    entry.server?.close()
    for (const connection of entry.waiting.splice(0)) connection.resetAndDestroy()
    if (this.#entries.get(entry.wish.key) === entry) this.#entries.delete(entry.wish.key)
  }

  /** Takes no more connections. */
  close(): void {
    this.#closed = true
    for (const entry of this.#entries.values()) this.#close(entry)
  }
}

/** A free port for port 0: the worker that serves the socket binds it, and so does each one after it. */
async function freeUdpPort(wish: SocketWish): Promise<number> {
  if (wish.port !== 0) return wish.port
  const probe = createSocket(isIPv6(wish.address) ? 'udp6' : 'udp4')
  probe.bind({ address: wish.address, port: 0, exclusive: true })
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  return port
}
