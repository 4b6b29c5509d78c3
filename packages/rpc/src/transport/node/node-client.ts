import { connect } from 'node:http2'
import { type Address, formatAddress } from '../../channel/address.ts'
import type { Connector } from '../../channel/channel-connection.ts'
import type {
  ClientTransportSettings,
  TransportConnection,
  TransportListener,
} from '../transport.ts'
import { openSocket } from '../open-socket.ts'
import { lastStreamId, NodeConnection } from './node-connection.ts'
import { sessionOptions } from './session-options.ts'

/** Connects over node:http2. */
export class NodeConnector implements Connector<TransportConnection> {
  readonly #settings: ClientTransportSettings

  constructor(settings: ClientTransportSettings) {
    this.#settings = settings
  }

  connect(address: Address, listener: TransportListener): { cancel(): void } {
    const { clock, connectTimeoutMs, flow, tls } = this.#settings
    const socket = openSocket(address, tls, false)
    const session = connect(`${tls === undefined ? 'http' : 'https'}://${authority(address)}`, {
      ...sessionOptions(this.#settings, {}),
      createConnection: () => socket,
    })
    let connection: NodeConnection | undefined
    let over = false
    let reason = 'the connection ended'
    const end = (why: string): void => {
      if (over) return
      over = true
      timer.cancel()
      if (connection === undefined) listener.failed(why)
      else listener.closed(why)
    }
    const timer = clock.timer(
      connectTimeoutMs,
      () => {
        reason = 'no connection in time'
        session.destroy()
      },
      { ref: false },
    )
    session.on('error', (error: Error) => {
      reason = error.message
    })
    // An alert after the handshake (a client certificate that is refused) leaves node's session without its close.
    socket.on('error', (error: Error) => {
      socket.destroy()
      setImmediate(() => end(error.message))
    })
    // Ready is what has exchanged SETTINGS: a listening port alone serves nobody.
    session.once('remoteSettings', () => {
      if (over) return
      timer.cancel()
      session.setLocalWindowSize(flow.connectionWindow)
      connection = new NodeConnection(session, flow, {
        drainAtStreamId: this.#settings.drainAtStreamId ?? lastStreamId,
        slots: () => {
          if (!over) listener.slots()
        },
        usedUp: () => {
          if (!over) listener.draining('the connection has used up its stream ids')
        },
        failed: () => {},
      })
      listener.ready(connection)
    })
    session.on('goaway', (code: number, _last: number, data?: Buffer) => {
      reason = goawayText(code, data)
      if (connection !== undefined && !over) listener.draining(reason)
    })
    session.once('close', () => setImmediate(() => end(reason)))
    return {
      cancel: () => {
        if (connection !== undefined || over) return
        over = true
        timer.cancel()
        session.destroy()
      },
    }
  }
}

function authority(address: Address): string {
  return address.kind === 'unix' ? 'localhost' : formatAddress(address)
}

function goawayText(code: number, data: Buffer | undefined): string {
  const text = data === undefined || data.length === 0 ? '' : `: ${data.toString('latin1', 0, 200)}`
  return `the server goes away (code ${code})${text}`
}
