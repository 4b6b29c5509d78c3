import type { ConnectionHandler, StreamEnd, StreamHandler } from '../handler.ts'
import type { HeaderList } from '../header-list.ts'
import type { PeerSettings } from '../settings.ts'
import type { StreamState } from './stream-state.ts'

/** Holds the place of a stream's user while `onStream` runs: what ends meanwhile is told afterwards. */
export const nobody: StreamHandler = {
  onHeaders: () => undefined,
  onData: () => undefined,
  onTrailers: () => undefined,
  onWritable: () => undefined,
  onClose: () => undefined,
}

/** Calls the users: whatever they throw is reported, ends their stream and leaves the connection as it is. */
export class Notifier {
  handler: ConnectionHandler
  readonly #failed: (stream: StreamState) => void

  /** @param failed resets a stream whose user has thrown. */
  constructor(handler: ConnectionHandler, failed: (stream: StreamState) => void) {
    this.handler = handler
    this.#failed = failed
  }

  stream(stream: StreamState, list: HeaderList, end: boolean): void {
    try {
      stream.handler = this.handler.onStream(stream, list, end)
    } catch (error) {
      this.#thrown(stream, error)
    }
  }

  headers(stream: StreamState, list: HeaderList, end: boolean): void {
    try {
      stream.handler.onHeaders(stream, list, end)
    } catch (error) {
      this.#thrown(stream, error)
    }
  }

  data(stream: StreamState, chunk: Buffer, end: boolean): void {
    try {
      stream.handler.onData(stream, chunk, end)
    } catch (error) {
      this.#thrown(stream, error)
    }
  }

  trailers(stream: StreamState, list: HeaderList): void {
    try {
      stream.handler.onTrailers(stream, list)
    } catch (error) {
      this.#thrown(stream, error)
    }
  }

  writable(stream: StreamState): void {
    try {
      stream.handler.onWritable(stream)
    } catch (error) {
      this.#thrown(stream, error)
    }
  }

  closed(stream: StreamState, code: number, how: StreamEnd): void {
    try {
      stream.handler.onClose(stream, code, how)
    } catch (error) {
      this.#report(error)
    }
  }

  settings(settings: PeerSettings): void {
    try {
      this.handler.onSettings?.(settings)
    } catch (error) {
      this.#report(error)
    }
  }

  slots(): void {
    try {
      this.handler.onSlots?.()
    } catch (error) {
      this.#report(error)
    }
  }

  ping(): void {
    try {
      this.handler.onPing?.()
    } catch (error) {
      this.#report(error)
    }
  }

  pong(done: () => void): void {
    try {
      done()
    } catch (error) {
      this.#report(error)
    }
  }

  goaway(code: number, lastId: number, debug: Buffer): void {
    try {
      this.handler.onGoaway?.(code, lastId, debug)
    } catch (error) {
      this.#report(error)
    }
  }

  connectionClosed(code: number, reason: string): void {
    try {
      this.handler.onClose(code, reason)
    } catch (error) {
      this.#report(error)
    }
  }

  #thrown(stream: StreamState, error: unknown): void {
    this.#failed(stream)
    this.#report(error)
  }

  #report(error: unknown): void {
    try {
      this.handler.onError?.(error)
    } catch {
      // Its own report cannot be reported.
    }
  }
}
