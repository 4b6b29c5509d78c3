import type { WriteSlab } from '@tidemill/core'
import type { ConnectionHandler, StreamHandler } from './handler.ts'
import type { HeaderList } from './header-list.ts'
import { Machine } from './internal/machine.ts'
import type { Http2Options } from './options.ts'
import type { PeerSettings } from './settings.ts'
import type { Http2Stats } from './stats.ts'
import type { Http2Stream } from './stream.ts'

/**
 * One HTTP/2 connection as a state machine (RFC 9113, extended CONNECT of RFC 8441): bytes in by `feed`, events out by
 * the handlers, bytes to send in `output`. No sockets, no timers of its own, no promises.
 *
 * The binding's part: after `feed` and upon `onWake` take everything from `output`, write it in one go, and call `pump`
 * when the socket wants more; call `readEnded` when the peer has ended its side and `ended` when the socket is gone; after `onClose` write what is
 * left and close the socket.
 */
export interface Http2Connection {
  readonly role: 'client' | 'server'
  readonly output: WriteSlab
  /** Who gets the events; set it before the first `feed` or `request`. */
  handler: ConnectionHandler
  /**
   * The binding's: there is output, or the connection has closed, although nobody called `feed`: flush once this turn.
   * Called at most once until the next `feed` or `pump`.
   */
  onWake: () => void
  readonly peerSettings: PeerSettings
  /** The peer's SETTINGS and its answer to ours have come. */
  readonly ready: boolean
  /** SETTINGS sent so far, the first included, and how many of them the peer has acknowledged (RFC 9113 6.5.3). */
  readonly settingsSent: number
  readonly settingsAcknowledged: number
  /** False once `onClose` was called. */
  readonly open: boolean
  /** Takes no new streams any more: drained, told to go away, or its ids are used up. Open streams go on. */
  readonly draining: boolean
  /** Streams open now, of both sides. */
  readonly streams: number
  /** Streams opened so far, of both sides. */
  readonly streamsOpened: number
  /** All bytes given to `feed`: grows whenever the peer says something, for keepalive. */
  readonly bytesReceived: number
  /** Requests that a client may begin now; 0 while the peer's limit is reached (see `onSlots`) and when draining. */
  readonly slots: number
  /**
   * Bytes from the peer, cut anywhere. Never throws: an offence of the peer closes the stream or the connection as the
   * RFC says. Ignored after `onClose`.
   */
  feed(chunk: Buffer): void
  /**
   * The peer has ended its side of the socket: a server still answers the requests that are whole, as far as the windows
   * reach, for no more credit can come; everything else is `lost`.
   */
  readEnded(): void
  /**
   * The socket is gone: open streams end as `lost`, those of a client of which nothing was taken from `output` as
   * `unprocessed`. What is left in `output` is thrown away.
   */
  ended(reason?: string): void
  /** Moves waiting data into `output` as far as windows and `output` have room: the socket has taken what was there. */
  pump(): void
  /**
   * Begins a request (a client's). Throws TM_HTTP2_NO_SLOT when `slots` is 0 and TM_HTTP2_HEADERS for a list that
   * RFC 9113 8.2-8.3 does not allow or that exceeds what the peer accepts.
   */
  request(list: HeaderList, end: boolean, handler: StreamHandler): Http2Stream
  /** Sends a PING of 8 bytes; `done` is called when the answer comes, never if it does not. At most 16 at a time. */
  ping(payload: Uint8Array, done: () => void): void
  /** Ends the connection: GOAWAY with the code, all streams `lost` (unanswered ones of a client), `onClose`. */
  goaway(code: number, debug?: string): void
  /**
   * Graceful end: a server announces it (GOAWAY 2^31-1 and a PING), after a round trip says which stream was the last
   * and ends after that one; a client begins no more requests and ends after its last. `onClose(NO_ERROR)` then.
   */
  drain(): void
  /** Changes how many streams the peer may have open, while streams run: in force at once, more are refused. */
  settings(changes: { readonly maxConcurrentStreams: number }): void
  stats(): Http2Stats
}

/** A connection that has not exchanged a byte yet; its first output is the preface and SETTINGS. */
export function createHttp2Connection(
  role: 'client' | 'server',
  handler: ConnectionHandler,
  options: Http2Options = {},
): Http2Connection {
  return new Machine(role, handler, options)
}
