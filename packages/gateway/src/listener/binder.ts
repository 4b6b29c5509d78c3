import type { Socket as DatagramSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import type { SocketPlan } from './listener-plan.ts'

/** A listening socket that somebody opened for us. */
export interface BoundSocket {
  /** The port that is really bound. */
  readonly port: number
  /** Takes no more connections (or packets); those that are open stay. */
  close(): void
}

/** Opens listening sockets: of this process itself, or of the primary when this is a worker. */
export interface Binder {
  /**
   * Rejects with TM_GATEWAY_LISTEN. Connections come half-open capable, without delay (Nagle) and with no byte read; the
   * listener must take them over within the call.
   */
  tcp(plan: SocketPlan, onConnection: (socket: Socket) => void): Promise<BoundSocket>
  /**
   * `onSocket` gets the socket where this process serves it. Of several workers one does, and another one takes its place
   * when it goes: the packets of a client must find its session.
   */
  udp(plan: SocketPlan, onSocket: (socket: DatagramSocket) => void): Promise<BoundSocket>
}
