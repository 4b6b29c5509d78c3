import type { Clock } from '@tidemill/core'
import { ClientKeepalive } from '../channel/client-keepalive.ts'
import { resetNoError } from '../status.ts'
import type { TransportConnection } from '../transport/transport.ts'
import type { KeepaliveTimes } from './keepalive-times.ts'

/** Pings a client that is silent, also between calls, and cuts it when it does not answer (gRFC A9). */
export class ServerKeepaliveWatch {
  readonly #keepalive: ClientKeepalive

  constructor(connection: TransportConnection, times: KeepaliveTimes, clock: Clock) {
    this.#keepalive = new ClientKeepalive(
      connection,
      { timeMs: times.timeMs, timeoutMs: times.timeoutMs, permitWithoutStream: true },
      clock,
      () => connection.destroy(resetNoError, 'the client does not answer pings'),
    )
  }

  stop(): void {
    this.#keepalive.stop()
  }
}
