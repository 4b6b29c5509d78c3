import { createHttp2Connection, type Http2Connection, type Http2Options } from '@tidemill/http2'
import { ConnectionRecorder } from './recorder.ts'

/** Everything a connection has to send now; the memory may be used again, so it is copied. */
export function takeAll(connection: Http2Connection): Buffer {
  const parts: Buffer[] = []
  for (;;) {
    for (
      let piece = connection.output.take();
      piece !== undefined;
      piece = connection.output.take()
    ) {
      parts.push(Buffer.from(piece.bytes))
      piece.release()
    }
    connection.pump()
    if (connection.output.pending === 0) return Buffer.concat(parts)
  }
}

/** A client and a server joined without sockets. */
export interface Pair {
  readonly client: Http2Connection
  readonly server: Http2Connection
  readonly clientSide: ConnectionRecorder
  readonly serverSide: ConnectionRecorder
  /** Carries bytes both ways until neither has anything to say. */
  readonly settle: () => void
}

export interface PairOptions {
  readonly client?: Http2Options
  readonly server?: Http2Options
  /** Cuts what is carried. */
  readonly cut?: (bytes: Buffer) => Buffer[]
}

export function createPair(options: PairOptions = {}): Pair {
  const clientSide = new ConnectionRecorder()
  const serverSide = new ConnectionRecorder()
  const client = createHttp2Connection('client', clientSide, options.client)
  const server = createHttp2Connection('server', serverSide, options.server)
  const cut = options.cut ?? ((bytes) => [bytes])
  const carry = (from: Http2Connection, to: Http2Connection): boolean => {
    const bytes = takeAll(from)
    for (const part of cut(bytes)) to.feed(part)
    return bytes.length > 0
  }
  const settle = (): void => {
    for (let round = 0; round < 100_000; round++) {
      const moved = carry(client, server)
      if (!carry(server, client) && !moved) return
    }
    throw new Error('they never stop talking')
  }
  return { client, server, clientSide, serverSide, settle }
}
