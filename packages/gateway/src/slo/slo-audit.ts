import { channel } from 'node:diagnostics_channel'
import type { Clock, Logger } from '@tidemill/core'
import type { SloState } from './route-guard.ts'

/** A change of what is done to the requests of a route. */
export interface SloEvent {
  /** Wall time. */
  readonly at: number
  readonly route: string
  readonly from: SloState
  readonly to: SloState
  /** What asked for it: tiers, alerts, `forced`, `blast cap`; empty at the end. */
  readonly reason: string
  /** How far above its factor the hardest tier burnt; 1 is the limit. */
  readonly severity: number
}

const sloChannel = channel('tidemill:gateway:slo')

/** The last changes, for people who ask what happened. */
export class SloAudit {
  readonly #events: SloEvent[] = []
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #most: number

  constructor(clock: Clock, logger: Logger, most: number) {
    this.#clock = clock
    this.#logger = logger
    this.#most = most
  }

  /** Oldest first; the oldest go when there are too many. */
  get events(): readonly SloEvent[] {
    return this.#events
  }

  add(event: Omit<SloEvent, 'at'>): void {
    const full: SloEvent = { at: this.#clock.now(), ...event }
    if (this.#events.length >= this.#most) this.#events.shift()
    this.#events.push(full)
    this.#logger.log('warn', 'objective changed its action', { ...full })
    if (sloChannel.hasSubscribers) sloChannel.publish(full)
  }
}
