import type { Clock } from '@tidemill/core'
import type {
  HeaderList,
  StreamHandler,
  Transport,
  TransportConnection,
  TransportStats,
  TransportStream,
} from '../../src/transport/transport.ts'

/** How the scripted server answers one call. */
export interface Answer {
  /** Milliseconds until the response; Infinity never answers. */
  readonly afterMs: number
  readonly status?: number
  readonly message?: string
  /** Ends with RST_STREAM of this code instead of trailers. */
  readonly reset?: number
  /** Messages of a server's stream, a millisecond apart, of one empty frame each. */
  readonly messages?: number
}

export interface ScriptOptions {
  readonly clock: Clock
  /** Called as the request's last message arrives. */
  readonly answer: (call: ScriptedCall) => Answer
  /** Limit of concurrent streams; default none. */
  readonly slots?: number
  /** Why connections fail; by default they do not. */
  readonly refuse?: string
  /** What a connection says of itself, given how many calls it saw. */
  readonly stats?: (calls: number) => Partial<TransportStats>
  /** Milliseconds until a PING is answered; default 0. */
  readonly pingMs?: number
  /** Attempts to connect are never decided. */
  readonly hang?: boolean
  /** How many PINGs a connection answers; default all. */
  readonly pings?: number
}

export interface ScriptedCall {
  readonly index: number
  readonly atMs: number
  readonly headers: HeaderList
  readonly frames: readonly Uint8Array[]
}

/** A transport without a network: calls are answered by a script on the clock that a test moves. */
export interface ScriptedTransport extends Transport {
  readonly calls: readonly ScriptedCall[]
  readonly connections: number
  /** Streams that the client reset. */
  readonly resets: number
  /** Bytes whose credit was given back. */
  readonly consumed: number
  /** Cuts every connection. */
  cut(reason: string): void
}

export function scriptedTransport(options: ScriptOptions): ScriptedTransport {
  const { clock } = options
  const calls: ScriptedCall[] = []
  const cutters = new Set<(reason: string) => void>()
  let connections = 0
  let resets = 0
  let consumed = 0
  const transport: ScriptedTransport = {
    name: 'native',
    calls,
    get connections() {
      return connections
    },
    get resets() {
      return resets
    },
    get consumed() {
      return consumed
    },
    cut: (reason) => {
      for (const cut of cutters) cut(reason)
    },
    server: () => {
      throw new Error('a client only')
    },
    client: () => ({
      connect(_address, listener) {
        const timer = clock.timer(options.hang === true ? 1e9 : 0, () => {
          if (options.refuse !== undefined) {
            listener.failed(options.refuse)
            return
          }
          connections++
          const open = new Set<() => void>()
          let gone = false
          const close = (reason: string): void => {
            if (gone) return
            gone = true
            cutters.delete(close)
            for (const lose of open) lose()
            listener.closed(reason)
          }
          cutters.add(close)
          const connection = scriptedConnection({
            options,
            calls,
            open,
            close,
            slots: () => listener.slots(),
            gone: () => gone,
            onReset: () => resets++,
            onConsume: (bytes) => void (consumed += bytes),
          })
          listener.ready(connection)
        })
        return timer
      },
    }),
  }
  return transport
}

interface ConnectionParts {
  readonly options: ScriptOptions
  readonly calls: ScriptedCall[]
  readonly open: Set<() => void>
  readonly close: (reason: string) => void
  readonly slots: () => void
  readonly gone: () => boolean
  readonly onReset: () => void
  readonly onConsume: (bytes: number) => void
}

function scriptedConnection(parts: ConnectionParts): TransportConnection {
  const { options, calls, open } = parts
  const { clock } = options
  const most = options.slots ?? Number.POSITIVE_INFINITY
  let pinged = 0
  return {
    get slots() {
      return parts.gone() ? 0 : most - open.size
    },
    get streams() {
      return open.size
    },
    bytesReceived: 0,
    peer: { address: 'script', encrypted: false, certificate: undefined },
    request(headers, _end, handler) {
      const frames: Uint8Array[] = []
      let ended = false
      const end = (code: number, how: 'done' | 'remote' | 'local' | 'lost'): void => {
        if (ended) return
        ended = true
        const full = open.size >= most
        open.delete(lose)
        handler.onClose(stream, code, how)
        if (full && !parts.gone()) parts.slots()
      }
      const lose = (): void => end(0, 'lost')
      const stream: TransportStream = {
        id: calls.length,
        context: undefined,
        get closed() {
          return ended
        },
        bufferedBytes: 0,
        unconsumedBytes: 0,
        headers: () => undefined,
        trailers: () => undefined,
        consume: parts.onConsume,
        expect: () => undefined,
        data(bytes, last) {
          if (bytes.length > 0) frames.push(bytes)
          if (!last || ended) return true
          const call = { index: calls.length, atMs: clock.monotonic(), headers, frames }
          calls.push(call)
          answer(stream, handler, options.answer(call), clock, end)
          return true
        },
        reset(code) {
          if (!ended) parts.onReset()
          end(code, 'local')
        },
      }
      open.add(lose)
      return stream
    },
    ping(done) {
      if (pinged++ < (options.pings ?? Number.POSITIVE_INFINITY))
        clock.timer(options.pingMs ?? 0, done)
    },
    drain: () => undefined,
    destroy: (_code, reason) => parts.close(reason),
    stats: () => ({
      streams: open.size,
      rttMs: 0,
      bdp: 0,
      streamWindow: 65_535,
      connectionWindow: 65_535,
      peerStreamWindow: 65_535,
      peerConnectionWindow: 65_535,
      bytesSent: 0,
      bytesReceived: 0,
      blockedMs: { stream: 0, connection: 0, peerStreams: 0 },
      ...options.stats?.(calls.length),
    }),
  }
}

function answer(
  stream: TransportStream,
  handler: StreamHandler,
  { afterMs, status = 0, message = '', reset, messages = 0 }: Answer,
  clock: Clock,
  end: (code: number, how: 'done' | 'remote') => void,
): void {
  if (!Number.isFinite(afterMs)) return
  for (let i = 0; i < messages; i++) {
    clock.timer(afterMs + i, () => {
      if (!stream.closed) handler.onData(stream, Buffer.alloc(5), false)
    })
  }
  clock.timer(afterMs + messages, () => {
    if (stream.closed) return
    if (reset !== undefined) {
      end(reset, 'remote')
      return
    }
    handler.onHeaders(stream, [':status', '200', 'content-type', 'application/grpc'], false)
    handler.onTrailers(stream, ['grpc-status', String(status), 'grpc-message', message])
    end(0, 'done')
  })
}
