import {
  type Clock,
  type Closable,
  type Logger,
  type Random,
  silentLogger,
  type Timer,
} from '@tidemill/core'
import type { SloDirectory, SloGuard } from '../guard/index.ts'
import type { EffectivePolicy } from '../policy/index.ts'
import type { MetricFamily } from '../prometheus.ts'
import type { SloState } from './route-guard.ts'
import { SloAudit, type SloEvent } from './slo-audit.ts'
import { sloMetrics } from './slo-metrics.ts'
import type { TierState } from './slo-objective.ts'
import { isHard, type SloDemand, SloRoute, type Wish } from './slo-route.ts'

export interface SloSettings {
  /** At most this percentage of the routes with an objective is shed, served a fallback or opened at once, and always one may be; default 50. */
  readonly blastPercent?: number
}

export interface SloEngineOptions extends SloSettings {
  readonly clock: Clock
  readonly random: Random
  readonly logger?: Logger
  /**
   * `local` (default) evaluates once a second by itself; `primary` when {@link SloEngine.evaluate} is called; `worker` only
   * counts, and does what {@link SloEngine.apply} tells it.
   */
  readonly role?: 'local' | 'primary' | 'worker'
}

/** Events of a route since they were last taken. */
export interface SloCounts {
  readonly route: string
  readonly good: number
  readonly bad: number
}

export interface SloDecision {
  readonly route: string
  readonly action: SloState
  readonly part: number
}

export interface SloStatus {
  readonly route: string
  readonly objective: number
  readonly periodMs: number
  readonly action: SloState
  /** A harder action is asked for, and too many routes have one. */
  readonly capped: boolean
  readonly forced: boolean
  /** Alerts from outside that ask for something. */
  readonly alerts: number
  readonly budgetRemaining: number
  readonly tiers: readonly TierState[]
}

/** How often objectives are evaluated. */
export const evaluationMs = 1000
const mostEvents = 1000

/** Routes that have an action keep it against others that burn a little more, so that it does not wander between them. */
const incumbent = 1.25

/** The objectives of a gateway's routes, and what is done when they burn. */
export class SloEngine implements SloDirectory, Closable {
  readonly #routes = new Map<string, SloRoute>()
  readonly #clock: Clock
  readonly #random: Random
  readonly #role: 'local' | 'primary' | 'worker'
  readonly #blast: number
  readonly #audit: SloAudit
  #timer: Timer | undefined = undefined
  #evaluatedAt: number
  #closed = false

  constructor(options: SloEngineOptions) {
    const { clock, random, logger = silentLogger, role = 'local', blastPercent = 50 } = options
    this.#clock = clock
    this.#random = random
    this.#role = role
    this.#blast = blastPercent / 100
    this.#audit = new SloAudit(clock, logger, mostEvents)
    this.#evaluatedAt = clock.monotonic()
  }

  open(route: string, policy: Pick<EffectivePolicy, 'slo'>): SloGuard | undefined {
    const config = policy.slo
    if (config === undefined) return undefined
    let known = this.#routes.get(route)
    if (known === undefined) {
      known = new SloRoute(route, config, this.#clock, this.#random, this.#role !== 'worker')
      this.#routes.set(route, known)
      this.#arm()
    } else known.configure(config)
    return known.guard
  }

  drop(route: string): void {
    // Requests under way still hold the guard: it must not refuse for ever.
    this.#routes.get(route)?.guard.act('none', 0)
    this.#routes.delete(route)
  }

  has(route: string): boolean {
    return this.#routes.has(route)
  }

  /** Asks for an action on a route; the same `id` replaces what it asked before. False when the route has no objective. */
  demand(route: string, id: string, demand: SloDemand): boolean {
    const known = this.#routes.get(route)
    known?.demands.set(id, demand)
    return known !== undefined
  }

  withdraw(route: string, id: string): void {
    this.#routes.get(route)?.demands.delete(id)
  }

  /** An operator's word: goes before everything, the cap too, for `ttlMs`; `annotate` holds the route open to all. False when the route has no objective. */
  force(route: string, action: SloDemand['action'], ttlMs: number, part = 0.5): boolean {
    const known = this.#routes.get(route)
    if (known === undefined) return false
    known.forced = { action, part, until: this.#clock.monotonic() + ttlMs }
    this.evaluate()
    return true
  }

  /** Ends what is forced and asked for; what still burns asks again at the next evaluation. */
  clear(route: string): boolean {
    const known = this.#routes.get(route)
    known?.clear()
    this.evaluate()
    return known !== undefined
  }

  /** Decides over all routes; true when what is in force changed. */
  evaluate(): boolean {
    if (this.#role === 'worker') return false
    const now = this.#clock.monotonic()
    // What came since the last evaluation came in its middle, on average.
    const at = (this.#evaluatedAt + now) / 2
    this.#evaluatedAt = now
    const wishes: { readonly route: SloRoute; readonly wish: Wish; readonly rank: number }[] = []
    let room = Math.max(1, Math.floor(this.#routes.size * this.#blast))
    let changed = false
    for (const route of this.#routes.values()) {
      const wish = route.evaluate(at, now)
      route.capped = false
      if (isHard(wish.state) && route.forced === undefined) {
        const severity = Math.max(1, route.objective?.severity() ?? 0)
        const rank = severity * (isHard(route.guard.state) ? incumbent : 1)
        wishes.push({ route, wish, rank })
        continue
      }
      if (isHard(wish.state)) room--
      if (this.#act(route, wish)) changed = true
    }
    wishes.sort((a, b) => b.rank - a.rank || (a.route.name < b.route.name ? -1 : 1))
    for (const { route, wish } of wishes) {
      route.capped = room <= 0
      room--
      const capped: Wish = { state: 'annotate', part: 0, reason: `blast cap: ${wish.reason}` }
      if (this.#act(route, route.capped ? capped : wish)) changed = true
    }
    return changed
  }

  #act(route: SloRoute, { state, part, reason }: Wish): boolean {
    const from = route.guard.state
    route.guard.act(state, part)
    route.part = part
    if (from === state) return false
    const severity = route.objective?.severity() ?? 0
    this.#audit.add({ route: route.name, from, to: state, reason, severity })
    return true
  }

  /** What was counted since the last call, for the process that evaluates. */
  take(): readonly SloCounts[] {
    const counts: SloCounts[] = []
    for (const { name, guard } of this.#routes.values()) {
      if (guard.good + guard.bad === 0) continue
      counts.push({ route: name, good: guard.good, bad: guard.bad })
      guard.reset()
    }
    return counts
  }

  /** Adds what a worker took; a route that is unknown by now is left out. */
  absorb(counts: readonly SloCounts[]): void {
    for (const { route, good, bad } of counts) {
      const known = this.#routes.get(route)
      if (known === undefined) continue
      known.guard.good += good
      known.guard.bad += bad
    }
  }

  /** Actions in force. */
  decisions(): readonly SloDecision[] {
    const decisions: SloDecision[] = []
    for (const { name, guard, part } of this.#routes.values()) {
      if (guard.state !== 'none') decisions.push({ route: name, action: guard.state, part })
    }
    return decisions
  }

  /** Does what was decided elsewhere; it lapses after ten seconds without a word. */
  apply(decisions: readonly SloDecision[]): void {
    const byRoute = new Map(decisions.map((decision) => [decision.route, decision]))
    for (const { name, guard } of this.#routes.values()) {
      const decision = byRoute.get(name)
      guard.act(decision?.action ?? 'none', decision?.part ?? 0)
    }
  }

  snapshot(): readonly SloStatus[] {
    const now = this.#clock.monotonic()
    const list: SloStatus[] = []
    for (const route of this.#routes.values()) {
      const { name, config, guard, capped, forced, demands, objective } = route
      list.push({
        route: name,
        objective: config.objective,
        periodMs: config.periodMs,
        action: guard.state,
        capped,
        forced: forced !== undefined,
        alerts: demands.size,
        budgetRemaining: objective?.budgetRemaining(now) ?? 1,
        tiers: structuredClone(objective?.tiers ?? []),
      })
    }
    return list
  }

  /** The last changes, oldest first. */
  events(): readonly SloEvent[] {
    return this.#audit.events
  }

  metrics(): readonly MetricFamily[] {
    return sloMetrics(this.snapshot())
  }

  close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #arm(): void {
    if (this.#role !== 'local' || this.#timer !== undefined || this.#closed) return
    if (this.#routes.size === 0) return
    const tick = (): void => {
      this.#timer = undefined
      this.evaluate()
      this.#arm()
    }
    this.#timer = this.#clock.timer(evaluationMs, tick, { ref: false })
  }
}
