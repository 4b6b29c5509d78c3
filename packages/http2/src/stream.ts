import type { HeaderList } from './header-list.ts'

/**
 * One request and its response. Its methods do nothing once it is closed, so that a user need not race the peer;
 * calling them in a wrong order while it is open (data before headers, anything after `end`) throws TM_HTTP2_STATE.
 */
export interface Http2Stream {
  readonly id: number
  /** The user's own; undefined at first. */
  context: unknown
  /** `onClose` has been called, or is about to be. */
  readonly closed: boolean
  /** Bytes given to `data` that wait for a window or for the socket. */
  readonly bufferedBytes: number
  /** Bytes received and not yet given to `consume`. */
  readonly unconsumedBytes: number
  /**
   * Sends the response's headers (server; 1xx lists may come before, with `end` false). A client's request has its
   * headers from `request`.
   */
  headers(list: HeaderList, end: boolean): void
  /**
   * Sends body bytes, in order, as the windows allow; the rest waits here. Under 16 KiB `bytes` may be reused as soon
   * as this returns, from there on they must be left unchanged.
   * @returns false when more than the high-water mark waits: stop until `onWritable`. Going on all the same throws
   * TM_HTTP2_SEND_BUFFER when more than `sendBuffer.limit` waits already.
   */
  data(bytes: Uint8Array, end: boolean): boolean
  /** The last thing sent: trailers go out after all data and end this side. */
  trailers(list: HeaderList): void
  /** Ends the stream both ways with RST_STREAM; what waits is dropped, `onClose(code, 'local')` comes before this returns. */
  reset(code: number): void
  /** The application has taken `bytes` of what `onData` brought: the peer may send as many more. */
  consume(bytes: number): void
  /**
   * The application is in the middle of something of which `bytes` more are to come, and will not consume before it is
   * whole: the peer's credit is raised to that much at once.
   */
  expect(bytes: number): void
}
