import { type Address, formatAddress } from '../../src/channel/address.ts'
import type {
  ChannelConnection,
  ConnectionListener,
  Connector,
} from '../../src/channel/channel-connection.ts'

/** A connection on no network: the test says what happens to it. */
export class FakeConnection implements ChannelConnection {
  readonly address: string
  readonly listener: ConnectionListener<FakeConnection>
  slots = 100
  streams = 0
  drained = false

  constructor(address: string, listener: ConnectionListener<FakeConnection>) {
    this.address = address
    this.listener = listener
  }

  drain(): void {
    this.drained = true
  }
}

export interface FakeAttempt {
  readonly address: string
  cancelled: boolean
  ready(): FakeConnection
  fail(reason?: string): void
}

/** Attempts to connect that the test answers. */
export class FakeConnector implements Connector<FakeConnection> {
  readonly attempts: FakeAttempt[] = []

  connect(address: Address, listener: ConnectionListener<FakeConnection>): { cancel(): void } {
    const text = formatAddress(address)
    const attempt: FakeAttempt = {
      address: text,
      cancelled: false,
      ready() {
        const connection = new FakeConnection(text, listener)
        listener.ready(connection)
        return connection
      },
      fail: (reason = 'refused') => listener.failed(reason),
    }
    this.attempts.push(attempt)
    return {
      cancel() {
        attempt.cancelled = true
      },
    }
  }

  /** The attempts made since the last call of this, by address. */
  get last(): FakeAttempt {
    const attempt = this.attempts.at(-1)
    if (attempt === undefined) throw new Error('nobody has tried to connect')
    return attempt
  }

  get addresses(): readonly string[] {
    return this.attempts.map((attempt) => attempt.address)
  }
}

export function tcp(port: number, host = '127.0.0.1'): Address {
  return { kind: 'tcp', host, port }
}
