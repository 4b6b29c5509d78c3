import type { HeaderList } from './header-list.ts'
import type { PeerSettings } from './settings.ts'
import type { Http2Stream } from './stream.ts'

/**
 * How a stream came to its end:
 * - `done`: both sides ended it; the code is NO_ERROR.
 * - `unprocessed`: the peer has certainly not acted on it (REFUSED_STREAM, an id above the GOAWAY's last one, or it
 *   never left this side): it may be sent again.
 * - `remote`: the peer reset it with the code.
 * - `local`: this side reset it with the code: `reset`, or an offence of the peer on this stream.
 * - `lost`: the connection ended underneath. Whether the peer acted on it is unknown.
 */
export type StreamEnd = 'done' | 'unprocessed' | 'remote' | 'local' | 'lost'

/**
 * What a stream tells its user, in this order:
 * `onHeaders` (a client: at most 100 lists of 1xx first, then exactly one other; a server gets the request's through
 * `ConnectionHandler.onStream` instead), `onData` any number of times, at most one `onTrailers`, `onClose` exactly once
 * and last. `end` comes true at most once, on whichever of them is the last of the peer; `onTrailers` is always the
 * last. A reset may cut in anywhere: then `onClose` follows at once. `onWritable` may come at any time before `onClose`.
 *
 * All calls are made inside `feed`, `readEnded`, `ended`, `pump` or a method of the connection or stream; `reset` calls `onClose`
 * before it returns. A handler may call any method of the stream or connection from inside. One object may serve all
 * streams: what belongs to one stream can hang on `stream.context`. Whatever a handler throws ends its stream with
 * INTERNAL_ERROR and is reported to `ConnectionHandler.onError`.
 */
export interface StreamHandler {
  onHeaders(stream: Http2Stream, list: HeaderList, end: boolean): void
  /** `chunk` is a view into the bytes given to `feed`: valid only during the call. Give its length to `consume`. */
  onData(stream: Http2Stream, chunk: Buffer, end: boolean): void
  onTrailers(stream: Http2Stream, list: HeaderList): void
  /** After `data` returned false: what waits has gone below half of the high-water mark. */
  onWritable(stream: Http2Stream): void
  onClose(stream: Http2Stream, code: number, how: StreamEnd): void
}

/** What a connection tells its user. */
export interface ConnectionHandler {
  /**
   * A server's next request, with checked headers (RFC 9113 8.3). Returns who gets the rest of the stream; to refuse
   * it before anything happened, `stream.reset(REFUSED_STREAM)` inside. What ends inside is told by `onClose` afterwards.
   * A client is never called.
   */
  onStream(stream: Http2Stream, list: HeaderList, end: boolean): StreamHandler
  /** The peer's settings arrived or changed. */
  onSettings?(settings: PeerSettings): void
  /** A client: `slots` has grown from 0, or has become 0 for ever because the connection drains. */
  onSlots?(): void
  /** The peer sent a PING of its own (it has been answered): for servers that police keepalive. */
  onPing?(): void
  /**
   * The peer goes away: streams of ours above `lastId` have already been closed as `unprocessed`, the others go on.
   * `debug` is valid only during the call.
   */
  onGoaway?(code: number, lastId: number, debug: Buffer): void
  /** Something a handler threw. */
  onError?(error: unknown): void
  /**
   * The last event, once, after `onClose` of every stream: write what `output` still holds, then end the socket. `code`
   * NO_ERROR is an orderly end; `reason` says in English what was wrong, for logs.
   */
  onClose(code: number, reason: string): void
}
