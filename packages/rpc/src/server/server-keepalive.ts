import type { Clock } from '@tidemill/core'
import { ClientKeepalive } from '../channel/client-keepalive.ts'
import { timeOption } from '../options.ts'
import { resetNoError } from '../status.ts'
import type { TransportConnection } from '../transport/transport.ts'
import type { ServerKeepalive } from './server.ts'

/** Pings a client that is silent, also between calls, and cuts it when it does not answer (gRFC A9). */
export class ServerKeepaliveWatch {
  readonly #keepalive: ClientKeepalive

  constructor(connection: TransportConnection, options: ServerKeepalive, clock: Clock) {
    this.#keepalive = new ClientKeepalive(
      connection,
      {
        timeMs: timeOption('keepalive.time', options.time, 7_200_000),
        timeoutMs: timeOption('keepalive.timeout', options.timeout, 20_000),
        permitWithoutStream: true,
      },
      clock,
      () => connection.destroy(resetNoError, 'the client does not answer pings'),
    )
  }

  stop(): void {
    this.#keepalive.stop()
  }
}
