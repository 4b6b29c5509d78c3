import type { Clock, Random } from '@tidemill/core'
import { RouteGuard, type SloState } from './route-guard.ts'
import { SloObjective } from './slo-objective.ts'
import type { SloActionKind, SloConfig } from './slo-spec.ts'

/** What somebody asks for until a time. */
export interface SloDemand {
  readonly action: SloActionKind
  /** Of `shed`: the part of the requests that is refused. */
  readonly part: number
  /** Monotonic. */
  readonly until: number
}

export interface Wish {
  readonly state: SloState
  readonly part: number
  readonly reason: string
}

const order: readonly SloState[] = ['none', 'annotate', 'shed', 'fallback', 'open']

export function isHard(state: SloState): boolean {
  return state !== 'none' && state !== 'annotate'
}

const nothing: Wish = { state: 'none', part: 0, reason: '' }

/** A route with an objective: what it counts, what asks for actions, and which one is in force. */
export class SloRoute {
  readonly name: string
  readonly guard: RouteGuard
  /** Undefined in a worker: there the primary evaluates. */
  readonly objective: SloObjective | undefined
  config: SloConfig
  /** What alerts ask for, by fingerprint. */
  readonly demands: Map<string, SloDemand> = new Map()
  forced: SloDemand | undefined = undefined
  capped = false
  /** Of `shed` in force. */
  part = 0
  /** Until when each action of the configuration was asked for. */
  readonly #asked = new Map<string, number>()

  constructor(name: string, config: SloConfig, clock: Clock, random: Random, evaluated: boolean) {
    this.name = name
    this.config = config
    this.guard = new RouteGuard(config.latencyMs, clock, random)
    this.objective = evaluated ? new SloObjective(config) : undefined
  }

  configure(config: SloConfig): void {
    if (config === this.config) return
    this.config = config
    this.guard.latencyMs = config.latencyMs
    this.objective?.configure(config)
    const keys = new Set(config.actions.map(({ on, action }) => `${on} ${action}`))
    for (const key of this.#asked.keys()) if (!keys.has(key)) this.#asked.delete(key)
  }

  /** Counts what came since the last time as having happened at `at`, and finds out what is asked for. */
  evaluate(at: number, now: number): Wish {
    const { guard, objective } = this
    if (objective !== undefined) {
      objective.absorb(guard.good, guard.bad, at)
      guard.reset()
      const tiers = objective.evaluate(now)
      for (const { on, action, ttlMs } of this.config.actions) {
        const fires = tiers.some((tier) => tier.name === on && tier.firing)
        if (fires) this.#asked.set(`${on} ${action}`, now + ttlMs)
      }
    }
    if (this.forced !== undefined) {
      const { action, part, until } = this.forced
      if (until > now) return { state: action, part, reason: 'forced' }
      this.forced = undefined
    }
    let wish = nothing
    for (const { on, action, part } of this.config.actions) {
      if ((this.#asked.get(`${on} ${action}`) ?? 0) > now) wish = harder(wish, action, part, on)
    }
    for (const [id, { action, part, until }] of this.demands) {
      if (until <= now) this.demands.delete(id)
      else wish = harder(wish, action, part, `alert ${id}`)
    }
    return wish
  }

  /** Forgets what was asked for; what still burns asks again. */
  clear(): void {
    this.forced = undefined
    this.demands.clear()
    this.#asked.clear()
  }
}

function harder(wish: Wish, state: SloState, part: number, reason: string): Wish {
  const by = order.indexOf(state) - order.indexOf(wish.state)
  return by > 0 || (by === 0 && part > wish.part) ? { state, part, reason } : wish
}
