import type { Timer } from '@tidemill/core'
import { ConnectionBackoff } from './connection-backoff.ts'
import type { Resolution, Resolver, ResolverContext, ResolverListener } from './resolver.ts'

/** How long after an answer another look-up is put off, so that a dying backend does not flood the name server. */
export const minResolutionIntervalMs = 30_000

/**
 * A resolver on a look-up that must be asked again to notice changes: at most one look-up at a time, none within 30 s of
 * the last success, and after a failure the next one by exponential backoff without being asked.
 */
export function pollingResolver(
  lookup: () => Promise<Resolution>,
  listener: ResolverListener,
  context: ResolverContext,
): Resolver {
  return new PollingResolver(lookup, listener, context)
}

class PollingResolver implements Resolver {
  readonly #lookup: () => Promise<Resolution>
  readonly #listener: ResolverListener
  readonly #context: ResolverContext
  readonly #backoff: ConnectionBackoff
  #busy = false
  #closed = false
  #timer: Timer | undefined
  #succeededAt = -Infinity

  constructor(
    lookup: () => Promise<Resolution>,
    listener: ResolverListener,
    context: ResolverContext,
  ) {
    this.#lookup = lookup
    this.#listener = listener
    this.#context = context
    this.#backoff = new ConnectionBackoff(context.random)
  }

  resolve(): void {
    if (this.#closed || this.#busy || this.#timer !== undefined) return
    const wait = this.#succeededAt + minResolutionIntervalMs - this.#context.clock.monotonic()
    if (wait <= 0) this.#start()
    else this.#later(wait)
  }

  #later(ms: number): void {
    const run = (): void => {
      this.#timer = undefined
      this.#start()
    }
    // A look-up that nobody may need any more does not keep the process alive.
    this.#timer = this.#context.clock.timer(ms, run, { ref: false })
  }

  #start(): void {
    this.#busy = true
    this.#lookup().then(
      (resolution) => {
        if (this.#closed) return
        this.#busy = false
        this.#succeededAt = this.#context.clock.monotonic()
        this.#backoff.reset()
        this.#listener.resolved(resolution)
      },
      (error: unknown) => {
        if (this.#closed) return
        this.#busy = false
        this.#later(this.#backoff.next())
        this.#listener.failed(error instanceof Error ? error.message : String(error))
      },
    )
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
