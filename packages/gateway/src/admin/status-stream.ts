import type { Clock, Timer } from '@tidemill/core'
import type { ServerExchange } from '@tidemill/http1/node'
import type { GatewayRuntime } from '../runtime/gateway-runtime.ts'

/** How often a change is looked for, and how long a silence is at the most. */
const everyMs = 250
const heartbeatMs = 15_000
/** Watchers at a time; each holds a connection. */
export const mostWatchers = 100

/**
 * The status of the objects as server-sent events: one event `status` at the start and one after each change. A slow
 * reader misses what was between and gets the newest.
 */
export class StatusStream {
  readonly #runtime: GatewayRuntime
  readonly #clock: Clock
  readonly #watchers = new Map<ServerExchange, { sent: string; free: boolean; at: number }>()
  #timer: Timer | undefined = undefined
  #seen: string = ''
  #event: string = ''

  constructor(runtime: GatewayRuntime, clock: Clock) {
    this.#runtime = runtime
    this.#clock = clock
  }

  get size(): number {
    return this.#watchers.size
  }

  /** Answers a request with the stream. */
  open(exchange: ServerExchange): void {
    const headers = ['content-type', 'text/event-stream', 'cache-control', 'no-store']
    exchange.writeHead(200, headers, -1)
    this.#watchers.set(exchange, { sent: '', free: true, at: this.#clock.monotonic() })
    this.#look()
  }

  /** Whether it was one of the watchers. */
  leave(exchange: ServerExchange): boolean {
    return this.#watchers.delete(exchange)
  }

  writable(exchange: ServerExchange): void {
    const watcher = this.#watchers.get(exchange)
    if (watcher !== undefined) watcher.free = true
  }

  /** Ends every stream. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const exchange of this.#watchers.keys()) if (exchange.open) exchange.end()
    this.#watchers.clear()
  }

  #look(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#watchers.size === 0) return
    const data = JSON.stringify({
      revision: this.#runtime.revision,
      objects: this.#runtime.status(),
      sockets: this.#runtime.sockets(),
    })
    if (data !== this.#seen) {
      this.#seen = data
      this.#event = `event: status\ndata: ${data}\n\n`
    }
    const now = this.#clock.monotonic()
    for (const [exchange, watcher] of this.#watchers) {
      if (!exchange.open) this.#watchers.delete(exchange)
      else if (!watcher.free) continue
      else if (watcher.sent !== this.#event) {
        watcher.sent = this.#event
        watcher.at = now
        watcher.free = exchange.write(Buffer.from(this.#event))
      } else if (now - watcher.at >= heartbeatMs) {
        watcher.at = now
        watcher.free = exchange.write(Buffer.from(':\n\n'))
      }
    }
    this.#timer = this.#clock.timer(everyMs, () => this.#look(), { ref: false })
  }
}
