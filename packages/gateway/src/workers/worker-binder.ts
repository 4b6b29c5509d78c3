import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6, type Socket } from 'node:net'
import type { Clock } from '@tidemill/core'
import type { Binder, BoundSocket } from '../listener/binder.ts'
import { listenError } from '../listener/local-binder.ts'
import type { SocketPlan } from '../listener/listener-plan.ts'
import type { Channel } from './channel.ts'
import type { SocketAnswer, ToPrimary, ToWorker } from './protocol.ts'

/** How often the primary hears of connections that ended, in milliseconds. */
const reportMs = 20

/** How long connections may be on their way, in milliseconds. */
const lateMs = 10_000

const ignore = (): void => undefined

/** Sockets of a worker: the primary owns them and hands connections over. */
export class WorkerBinder implements Binder {
  readonly #channel: Channel<ToPrimary, ToWorker>
  readonly #clock: Clock
  /** By key. They outlive their socket: connections may be on their way, and are served like those before. */
  readonly #receivers = new Map<string, (socket: Socket) => void>()
  /** By key, for udp sockets that another worker serves so far. */
  readonly #serve = new Map<string, () => void>()
  #ended = 0
  #reporting = false
  readonly #onClose = (): void => this.#count()

  constructor(channel: Channel<ToPrimary, ToWorker>, clock: Clock) {
    this.#channel = channel
    this.#clock = clock
    channel.onEvent('connection', ([key, id], connection) => {
      // Before a byte is read: from here on the connection is lost with this worker.
      channel.event('took', id)
      this.#receive(key, connection)
    })
    channel.onEvent('serveUdp', ({ key }) => this.#serve.get(key)?.())
  }

  #receive(key: string, connection: Socket | undefined): void {
    if (connection === undefined) {
      this.#count()
      return
    }
    connection.on('close', this.#onClose)
    const receiver = this.#receivers.get(key)
    if (receiver === undefined) {
      connection.on('error', ignore)
      connection.resetAndDestroy()
      return
    }
    // Node makes sockets of other processes without it.
    connection.allowHalfOpen = true
    receiver(connection)
  }

  #count(): void {
    this.#ended++
    if (this.#reporting) return
    this.#reporting = true
    this.#clock.timer(
      reportMs,
      () => {
        this.#reporting = false
        this.#channel.event('closed', this.#ended)
        this.#ended = 0
      },
      { ref: false },
    )
  }

  async #open(plan: SocketPlan): Promise<SocketAnswer> {
    const { key, transport, address, port } = plan
    const answer = await this.#channel.ask('open', { key, transport, address, port })
    if (answer.reason !== '') throw listenError(plan, { code: answer.reason })
    return answer
  }

  async tcp(plan: SocketPlan, onConnection: (socket: Socket) => void): Promise<BoundSocket> {
    // The first connection may come right behind the answer.
    this.#receivers.set(plan.key, onConnection)
    const { port } = await this.#open(plan)
    return { port, close: () => this.#close(plan.key, onConnection) }
  }

  #close(key: string, receiver: (socket: Socket) => void): void {
    this.#channel.event('release', { key })
    const forget = (): void => {
      if (this.#receivers.get(key) === receiver) this.#receivers.delete(key)
    }
    this.#clock.timer(lateMs, forget, { ref: false })
  }

  async udp(plan: SocketPlan, onSocket: Parameters<Binder['udp']>[1]): Promise<BoundSocket> {
    const { port, serve } = await this.#open(plan)
    let socket: ReturnType<typeof createSocket> | undefined
    let closed = false
    const bind = async (): Promise<void> => {
      if (socket !== undefined || closed) return
      socket = createSocket({ type: isIPv6(plan.address) ? 'udp6' : 'udp4' })
      // Not exclusive: the primary has the socket, so that two workers overlap while one follows the other.
      socket.bind({ address: plan.address, port })
      await once(socket, 'listening')
      socket.on('error', ignore)
      if (closed) socket.close()
      else onSocket(socket)
    }
    try {
      if (serve) await bind()
    } catch (error) {
      this.#channel.event('release', { key: plan.key })
      throw listenError(plan, error)
    }
    this.#serve.set(plan.key, () => void bind().catch(ignore))
    return {
      port,
      close: () => {
        closed = true
        this.#serve.delete(plan.key)
        socket?.close()
        this.#channel.event('release', { key: plan.key })
      },
    }
  }
}
