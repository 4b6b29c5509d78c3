import type { Clock } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import { type Fields, isFields } from '../object-check.ts'
import type { SloEngine } from './slo-engine.ts'
import type { SloActionKind } from './slo-spec.ts'

export interface AlertIntakeOptions {
  readonly engine: SloEngine
  readonly clock: Clock
  /** How long an alert without an end holds; default five hours, longer than Alertmanager's `repeat_interval` of four. */
  readonly ttlMs?: number
  /** Part of the requests that the action `shed` refuses; default a half. */
  readonly shedPart?: number
}

export interface IntakeReport {
  /** Alerts that changed or confirmed something. */
  readonly accepted: number
  /** Why others did not. */
  readonly problems: readonly string[]
}

interface HeldAlert {
  readonly route: string
  /** Monotonic. */
  readonly until: number
}

/** Alerts that are remembered at once. */
const mostAlerts = 1000
const mostProblems = 20
const dayMs = 86_400_000
const actions: readonly string[] = ['annotate', 'shed', 'fallback', 'open']

/**
 * Alerts from outside as demands on the routes that they name: label `tidemill_route` or `route` (`namespace/name`) and
 * `action` (annotate, shed, fallback, open; default annotate). An alert holds until it is resolved or ends; the same one
 * again replaces itself, so that a replay is harmless.
 */
export class AlertIntake {
  readonly #engine: SloEngine
  readonly #clock: Clock
  readonly #ttlMs: number
  readonly #shedPart: number
  readonly #held = new Map<string, HeldAlert>()

  constructor(options: AlertIntakeOptions) {
    this.#engine = options.engine
    this.#clock = options.clock
    this.#ttlMs = options.ttlMs ?? 5 * 3_600_000
    this.#shedPart = options.shedPart ?? 0.5
  }

  /** How many alerts are remembered. */
  get size(): number {
    return this.#held.size
  }

  /** Takes the body of an Alertmanager webhook, version 4. TM_GATEWAY_ALERTS_INVALID when it is none. */
  webhook(body: unknown): IntakeReport {
    const alerts = isFields(body) && body['version'] === '4' ? body['alerts'] : undefined
    if (!Array.isArray(alerts)) {
      const reason = 'expected an object with version "4" and a list of alerts'
      throw gatewayErrors.error('TM_GATEWAY_ALERTS_INVALID', { reason })
    }
    return this.#takeAll(alerts)
  }

  /** Takes the list that Prometheus posts to `/api/v2/alerts`. TM_GATEWAY_ALERTS_INVALID when it is none. */
  alerts(body: unknown): IntakeReport {
    if (!Array.isArray(body)) {
      const reason = 'expected a list of alerts'
      throw gatewayErrors.error('TM_GATEWAY_ALERTS_INVALID', { reason })
    }
    return this.#takeAll(body)
  }

  #takeAll(alerts: readonly unknown[]): IntakeReport {
    const now = this.#clock.monotonic()
    for (const [id, { until }] of this.#held) if (until <= now) this.#held.delete(id)
    let accepted = 0
    const problems: string[] = []
    for (const [i, alert] of alerts.entries()) {
      const problem = isFields(alert) ? this.#take(alert, now) : 'is not an object'
      if (problem === undefined) accepted++
      else if (problems.length < mostProblems) problems.push(`alert ${i} ${problem}`)
    }
    return { accepted, problems }
  }

  #take(alert: Fields, now: number): string | undefined {
    const { labels, status } = alert
    if (!isFields(labels)) return 'has no labels'
    const route = labels['tidemill_route'] ?? labels['route']
    if (typeof route !== 'string') return 'has no label route'
    const action = labels['action'] ?? 'annotate'
    if (typeof action !== 'string' || !actions.includes(action)) {
      return `has an action that is none of ${actions.join(', ')}`
    }
    if (!this.#engine.has(route)) return `names the route ${shown(route)}, which has no objective`
    const id = identity(labels)
    if (id === undefined) return 'has labels that are not texts'
    const left = this.#left(alert)
    if (left === undefined) return 'has an endsAt that is no time'
    const before = this.#held.get(id)
    if (before !== undefined && before.route !== route) this.#engine.withdraw(before.route, id)
    if (status === 'resolved' || left <= 0) {
      this.#held.delete(id)
      this.#engine.withdraw(route, id)
      return undefined
    }
    if (before === undefined && this.#held.size >= mostAlerts) {
      return `is one too many: ${mostAlerts} are held`
    }
    const until = now + left
    this.#held.set(id, { route, until })
    const part = action === 'shed' ? this.#shedPart : 0
    this.#engine.demand(route, id, { action: action as SloActionKind, part, until })
    return undefined
  }

  /** Milliseconds until the alert ends by itself. */
  #left(alert: Fields): number | undefined {
    const { endsAt } = alert
    // Alertmanager writes year 1 for "not known".
    if (endsAt === undefined || (typeof endsAt === 'string' && endsAt.startsWith('0001-'))) {
      return this.#ttlMs
    }
    const at = typeof endsAt === 'string' ? Date.parse(endsAt) : Number.NaN
    return Number.isNaN(at) ? undefined : Math.min(at - this.#clock.now(), dayMs)
  }
}

/**
 * The labels, ordered, say which alert it is. Alertmanager's fingerprint is a hash of just them; pushes of Prometheus and
 * the poll at the start carry none, and must find the same alert.
 */
function identity(labels: Fields): string | undefined {
  const parts: string[] = []
  for (const name of Object.keys(labels).toSorted()) {
    const value = labels[name]
    if (typeof value !== 'string') return undefined
    parts.push(`${name}=${JSON.stringify(value)}`)
  }
  const text = parts.join(',')
  return text.length > 4096 ? undefined : text
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}
