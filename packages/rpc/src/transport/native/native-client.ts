import { createHttp2Connection, type Http2Options, ReceiveBudget } from '@tidemill/http2'
import { bindHttp2 } from '@tidemill/http2/node'
import { type Socket } from 'node:net'
import type { Address } from '../../channel/address.ts'
import type { Connector } from '../../channel/channel-connection.ts'
import { openSocket } from '../open-socket.ts'
import type {
  ClientTransportSettings,
  TransportConnection,
  TransportListener,
} from '../transport.ts'
import { checkHttp2Options, http2Options, NativeConnection } from './native-connection.ts'

/** Connects over `@tidemill/http2`. */
export class NativeConnector implements Connector<TransportConnection> {
  readonly #settings: ClientTransportSettings
  readonly #budget: ReceiveBudget

  constructor(settings: ClientTransportSettings) {
    this.#settings = settings
    this.#budget = new ReceiveBudget(settings.flow.memoryBudget)
    checkHttp2Options(clientOptions(settings, new ReceiveBudget(settings.flow.memoryBudget)))
  }

  connect(address: Address, listener: TransportListener): { cancel(): void } {
    return new Attempt(this.#settings, this.#budget, address, listener)
  }
}

/** From the socket to the peer's SETTINGS, and then the events of the connection. */
class Attempt {
  readonly #listener: TransportListener
  readonly #socket: Socket
  readonly #timer: { cancel(): void }
  #state: 'connecting' | 'ready' | 'over' = 'connecting'

  constructor(
    settings: ClientTransportSettings,
    budget: ReceiveBudget,
    address: Address,
    listener: TransportListener,
  ) {
    this.#listener = listener
    const { clock, connectTimeoutMs, tls } = settings
    this.#socket = openSocket(address, tls, true)
    this.#timer = clock.timer(connectTimeoutMs, () => this.#fail('no connection in time'), {
      ref: false,
    })
    const failed = (error: Error): void => this.#fail(error.message)
    const closed = (): void => this.#fail('the server closed the connection')
    this.#socket.on('error', failed)
    this.#socket.on('close', closed)
    this.#socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      if (this.#state !== 'connecting') return
      if (tls !== undefined && !speaksH2(this.#socket)) {
        this.#fail('the server does not speak h2 by ALPN')
        return
      }
      this.#socket.off('error', failed)
      this.#socket.off('close', closed)
      this.#bind(settings, budget)
    })
  }

  cancel(): void {
    if (this.#state !== 'connecting') return
    this.#end()
    this.#socket.destroy()
  }

  #bind(settings: ClientTransportSettings, budget: ReceiveBudget): void {
    let own: NativeConnection | undefined
    const options = clientOptions(settings, budget)
    const connection = createHttp2Connection(
      'client',
      {
        onStream: () => {
          throw new Error('a client has no streams of its server')
        },
        onSettings: () => {
          if (this.#state !== 'connecting') return
          this.#state = 'ready'
          this.#timer.cancel()
          own = new NativeConnection(connection, this.#socket)
          this.#listener.ready(own)
        },
        onSlots: () => {
          if (this.#state !== 'ready') return
          if (connection.slots > 0) this.#listener.slots()
          else if (connection.draining)
            this.#listener.draining('the connection is used up or told to go away')
        },
        onGoaway: (code, _lastId, debug) => {
          if (this.#state === 'ready') this.#listener.draining(goawayText(code, debug))
        },
        onClose: (_code, reason) => {
          if (this.#state === 'connecting') this.#fail(reason)
          else if (this.#state === 'ready') {
            this.#state = 'over'
            this.#listener.closed(reason)
          }
        },
      },
      options,
    )
    bindHttp2(this.#socket, connection, { ...options, idle: '0s' })
  }

  #fail(reason: string): void {
    if (this.#state !== 'connecting') return
    this.#end()
    this.#socket.destroy()
    this.#listener.failed(reason)
  }

  #end(): void {
    this.#state = 'over'
    this.#timer.cancel()
  }
}

/** A server resets what it answers early, as often as its client makes it do so: no offence. */
const anyNumber = 2 ** 31 - 1

function clientOptions(settings: ClientTransportSettings, budget: ReceiveBudget): Http2Options {
  const { drainAtStreamId } = settings
  return {
    ...http2Options(settings, budget),
    limits: { resets: anyNumber },
    ...(drainAtStreamId === undefined ? {} : { drainAtStreamId }),
  }
}

function speaksH2(socket: Socket): boolean {
  return 'alpnProtocol' in socket && socket.alpnProtocol === 'h2'
}

function goawayText(code: number, debug: Buffer): string {
  const text = debug.length === 0 ? '' : `: ${debug.toString('latin1', 0, 200)}`
  return `the server goes away (code ${code})${text}`
}
