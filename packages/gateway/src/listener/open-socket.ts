import type { Clock, Logger, Timer } from '@tidemill/core'
import { type UdpCounts, UdpRelay } from '../stream/udp-relay.ts'
import type { Binder, BoundSocket } from './binder.ts'
import type { SocketPlan } from './listener-plan.ts'
import { TcpPort, type TcpPortContext, type TcpPortCounts } from './tcp-port.ts'

export interface SocketState {
  readonly key: string
  /** The port that is bound; 0 while none is. */
  readonly port: number
  readonly listening: boolean
  /** Why it is not open. */
  readonly error: Error | undefined
  /** Listeners of it that cannot serve, and why. */
  readonly problems: readonly string[]
  readonly tcp: TcpPortCounts | undefined
  readonly udp: UdpCounts | undefined
}

/** Milliseconds until a socket that could not be opened is tried again. */
const retryMs = 1000

/** One socket of the configuration, from the attempt to bind it to its end. */
export class OpenSocket {
  readonly #binder: Binder
  readonly #logger: Logger
  readonly #tcp: TcpPort | undefined
  readonly #udp: UdpRelay | undefined
  readonly #clock: Clock
  #plan: SocketPlan
  #bound: BoundSocket | undefined = undefined
  #opening: Promise<void> | undefined = undefined
  #error: Error | undefined = undefined
  #stopped = false
  #retry: Timer | undefined = undefined

  constructor(plan: SocketPlan, context: TcpPortContext, binder: Binder, logger: Logger) {
    this.#plan = plan
    this.#binder = binder
    this.#logger = logger
    this.#clock = context.clock
    if (plan.transport === 'tcp') this.#tcp = new TcpPort(plan, context)
    else this.#udp = new UdpRelay(plan, context.clock, context.random)
  }

  get state(): SocketState {
    return {
      key: this.#plan.key,
      port: this.#bound?.port ?? 0,
      listening: this.#bound !== undefined,
      error: this.#error,
      problems: this.#tcp?.problems ?? [],
      tcp: this.#tcp?.counts,
      udp: this.#udp?.counts,
    }
  }

  /** Resolves when it is open or could not be opened; tries again when it could not before. */
  opened(): Promise<void> {
    if (this.#bound !== undefined || this.#stopped) return Promise.resolve()
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(): Promise<void> {
    try {
      const bound = await this.#bind()
      this.#error = undefined
      if (this.#tcp !== undefined) this.#tcp.boundPort = bound.port
      if (this.#stopped) bound.close()
      else this.#bound = bound
    } catch (error) {
      const { message } = error as Error
      const known = this.#error?.message === message
      this.#error = error as Error
      if (!known)
        this.#logger.log('error', 'a socket cannot be opened', {
          socket: this.#plan.key,
          error: message,
        })
      if (!this.#stopped) this.#tryLater()
    }
  }

  #tryLater(): void {
    this.#retry?.cancel()
    this.#retry = this.#clock.timer(retryMs, () => void this.opened(), { ref: false })
  }

  #bind(): Promise<BoundSocket> {
    const tcp = this.#tcp
    return tcp === undefined
      ? this.#binder.udp(this.#plan, (socket) => this.#udp?.serve(socket))
      : this.#binder.tcp(this.#plan, (socket) => tcp.connection(socket))
  }

  update(plan: SocketPlan): void {
    if (plan === this.#plan) return
    this.#plan = plan
    this.#tcp?.update(plan)
    this.#udp?.update(plan)
  }

  async settled(): Promise<void> {
    await this.#tcp?.settled()
  }

  endHandshakes(): void {
    this.#tcp?.endHandshakes()
  }

  /** Takes no more connections. */
  stop(): void {
    this.#stopped = true
    this.#retry?.cancel()
    this.#bound?.close()
    this.#bound = undefined
    this.#udp?.close()
  }

  /** Also ends handshakes under way; connections that are served go on and find no listener any more. */
  close(): void {
    this.stop()
    this.#tcp?.update({ ...this.#plan, listeners: [] })
    this.#tcp?.close()
  }
}
