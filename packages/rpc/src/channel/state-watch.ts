import { type Clock, coreErrors } from '@tidemill/core'
import type { Connectivity } from './connectivity.ts'

/** The connectivity of a channel and those who wait for it to change. */
export class StateWatch {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #state: Connectivity = 'IDLE'

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get state(): Connectivity {
    return this.#state
  }

  enter(state: Connectivity): void {
    if (state === this.#state || this.#state === 'SHUTDOWN') return
    this.#state = state
    for (const wake of this.#waiting) wake()
  }

  /**
   * Resolves with the state as soon as it is accepted by `wanted`; rejects with TM_CORE_DEADLINE after `timeoutMs`, with
   * the signal's reason when that aborts, and with TM_CORE_CLOSED at SHUTDOWN, after which no state follows.
   */
  until(
    wanted: (state: Connectivity) => boolean,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Connectivity> {
    if (wanted(this.#state)) return Promise.resolve(this.#state)
    if (this.#state === 'SHUTDOWN') return Promise.reject(closed())
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer?.cancel()
        this.#waiting.delete(wake)
        signal?.removeEventListener('abort', abort)
      }
      const wake = (): void => {
        if (wanted(this.#state)) {
          end()
          resolve(this.#state)
        } else if (this.#state === 'SHUTDOWN') {
          end()
          reject(closed())
        }
      }
      const abort = (): void => {
        end()
        reject(signal?.reason as Error)
      }
      const late = (): void => {
        end()
        const details = { what: `waiting while the channel is ${this.#state}`, ms: timeoutMs }
        reject(coreErrors.error('TM_CORE_DEADLINE', details))
      }
      const timer = timeoutMs === Infinity ? undefined : this.#clock.timer(timeoutMs, late)
      if (signal?.aborted === true) abort()
      else {
        this.#waiting.add(wake)
        signal?.addEventListener('abort', abort, { once: true })
      }
    })
  }
}

function closed(): Error {
  return coreErrors.error('TM_CORE_CLOSED', { what: 'the channel' })
}
