import type { Clock, Random } from '@tidemill/core'
import type { Outcome } from '../breaker/index.ts'
import type { RequestView } from '../dataplane/request-view.ts'
import type { SloGuard } from '../guard/index.ts'
import type { SloActionKind } from './slo-spec.ts'

/** `none`: nothing asks for anything. */
export type SloState = SloActionKind | 'none'

/** An action that is in force lapses when nobody confirms it for so long: whoever decides may be gone. */
const confirmedForMs = 10_000

/** Of the requests that a hard action refuses this part still passes, and at least one a second: else nothing would show that the upstream is well again. */
const trickle = 0.01

/** Counts the outcomes of a route's requests and carries out the action that is in force; decides nothing. */
export class RouteGuard implements SloGuard {
  latencyMs: number
  state: SloState = 'none'
  /** Since the last {@link reset}. */
  good = 0
  bad = 0
  #part = 1
  #until = 0
  /** Requests of the running second, and how many of them passed. */
  #second = -1
  #seen = 0
  #passed = 0
  #refusing = false
  readonly #clock: Clock
  readonly #random: Random

  constructor(latencyMs: number, clock: Clock, random: Random) {
    this.latencyMs = latencyMs
    this.#clock = clock
    this.#random = random
  }

  record(outcome: Outcome, _status: number, ms: number): void {
    if (outcome === 'ignore') return
    if (outcome === 'fail' || ms > this.latencyMs) this.bad++
    else this.good++
  }

  admit(_view: RequestView): boolean {
    return !this.#refusing || this.#passes()
  }

  reset(): void {
    this.good = 0
    this.bad = 0
  }

  /** Puts an action into force, or confirms it. */
  act(state: SloState, part: number): void {
    this.state = state
    this.#part = part
    this.#refusing = state !== 'none' && state !== 'annotate'
    this.#until = this.#clock.monotonic() + confirmedForMs
  }

  #passes(): boolean {
    const now = this.#clock.monotonic()
    if (now >= this.#until) return true
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#seen = 0
      this.#passed = 0
    }
    this.#seen++
    const passes =
      (this.state === 'shed' && this.#random.next() >= this.#part) ||
      this.#passed < Math.max(1, this.#seen * trickle)
    if (passes) this.#passed++
    return passes
  }
}
