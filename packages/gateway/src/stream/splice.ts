import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { TimerWheel, WheelTimer } from '@tidemill/core'

/** Why a splice is over. */
export type SpliceEnd = 'closed' | 'idle' | 'reset'

export interface SpliceOwner {
  onSpliceEnd(splice: Splice, end: SpliceEnd): void
}

const ignore = (): void => undefined

/** Ends a connection so that its peer sees that it did not end in order. */
export function reset(socket: Socket): void {
  if (socket.destroyed) return
  // A TLS socket has no handle of its own that could; its peer misses the close alert.
  if (socket instanceof TLSSocket) socket.destroy()
  else socket.resetAndDestroy()
}

/**
 * Carries bytes between two connections both ways, each way at the speed of its reader and ended on its own (half-close).
 * A broken side breaks the other one; silence of both for `idleMs` ends them.
 */
export class Splice {
  readonly client: Socket
  readonly upstream: Socket
  /** From the client, to the client. */
  bytesIn: number = 0
  bytesOut: number = 0
  readonly #owner: SpliceOwner
  readonly #idle: WheelTimer
  readonly #idleMs: number
  #over = false

  constructor(
    client: Socket,
    upstream: Socket,
    wheel: TimerWheel,
    idleMs: number,
    owner: SpliceOwner,
  ) {
    this.client = client
    this.upstream = upstream
    this.#owner = owner
    this.#idleMs = idleMs
    this.#idle = wheel.timer(() => this.#abort('idle'))
    this.#idle.start(idleMs)
    this.#carry(client, upstream, true)
    this.#carry(upstream, client, false)
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.#abort('reset')
  }

  #carry(from: Socket, to: Socket, inward: boolean): void {
    from.allowHalfOpen = true
    from.on('data', (chunk: Buffer) => {
      if (inward) this.bytesIn += chunk.length
      else this.bytesOut += chunk.length
      this.#idle.start(this.#idleMs)
      if (!to.write(chunk)) from.pause()
    })
    to.on('drain', () => {
      this.#idle.start(this.#idleMs)
      from.resume()
    })
    from.on('end', () => {
      to.end()
    })
    from.on('error', ignore)
    from.on('close', (failed: boolean) => {
      if (failed || !from.readableEnded || !from.writableFinished) this.#abort('reset')
      else if (to.destroyed) this.#finish('closed')
    })
    from.resume()
  }

  #abort(end: SpliceEnd): void {
    if (this.#over) return
    this.#finish(end)
    reset(this.client)
    reset(this.upstream)
  }

  #finish(end: SpliceEnd): void {
    if (this.#over) return
    this.#over = true
    this.#idle.stop()
    this.#owner.onSpliceEnd(this, end)
  }
}
