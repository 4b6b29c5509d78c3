import { type Duration, type Problem, parseDuration } from '@tidemill/core'
import { type Fields, ObjectCheck } from '../object-check.ts'

/** The objective of a route as a person writes it. */
export interface SloSpec {
  /** Percent of the requests that must be good: 50 to 99.999. */
  readonly objective: number
  /** Over which the budget of bad requests is spent; default 30d, from 1d to 90d. The windows scale with it. */
  readonly period?: Duration
  /** Besides failures of the upstream, requests that took longer count as bad. */
  readonly latencyOver?: Duration
  /** Events that the short window must hold before anything fires; default 20. */
  readonly minEvents?: number
  readonly actions?: readonly SloActionSpec[]
}

export type SloTierName = 'page-fast' | 'page-slow' | 'ticket-fast' | 'ticket-slow'

/** From mild to hard; the hardest of those that burn is in force. */
export type SloActionKind = 'annotate' | 'shed' | 'fallback' | 'open'

export interface SloActionSpec {
  /** The tier whose burning begins it. */
  readonly on: SloTierName
  readonly action: SloActionKind
  /** Of `shed`: how many percent of the requests are refused; 1 to 99, default 50. */
  readonly percent?: number
  /** How long it stays in force after the last evaluation that asked for it; default 5m. */
  readonly ttl?: Duration
}

/** One row of the table of multi-window, multi-burn-rate alerts (SRE workbook, chapter 5; Sloth's google-30d). */
export interface SloTier {
  readonly name: SloTierName
  readonly longMs: number
  readonly shortMs: number
  /** Burn rate above which both windows must be. */
  readonly factor: number
}

export interface SloAction {
  readonly on: SloTierName
  readonly action: SloActionKind
  /** 0 to 1. */
  readonly part: number
  readonly ttlMs: number
}

/** {@link SloSpec} in the units that the engine computes with. */
export interface SloConfig {
  /** Part of the requests that must be good. */
  readonly objective: number
  readonly periodMs: number
  /** Infinity without one. */
  readonly latencyMs: number
  readonly minEvents: number
  readonly tiers: readonly SloTier[]
  readonly actions: readonly SloAction[]
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const tableMs = 30 * dayMs

/** For a period of 30 days: 2 %, 5 %, 10 % and 10 % of the budget in the long window. */
const table: readonly SloTier[] = [
  { name: 'page-fast', longMs: hourMs, shortMs: 5 * minuteMs, factor: 14.4 },
  { name: 'page-slow', longMs: 6 * hourMs, shortMs: 30 * minuteMs, factor: 6 },
  { name: 'ticket-fast', longMs: dayMs, shortMs: 2 * hourMs, factor: 3 },
  { name: 'ticket-slow', longMs: 3 * dayMs, shortMs: 6 * hourMs, factor: 1 },
]

/** The windows of a period: those of 30 days scaled, as Pyrra does; the factors stay. */
export function sloTiers(periodMs: number): readonly SloTier[] {
  const scale = periodMs / tableMs
  return table.map((tier) => ({
    ...tier,
    longMs: tier.longMs * scale,
    shortMs: tier.shortMs * scale,
  }))
}

const tierNames: readonly string[] = table.map((tier) => tier.name)
const kinds: readonly string[] = ['annotate', 'shed', 'fallback', 'open']

/** Reads the objective of a route; undefined when anything is wrong, with a problem for each thing. */
export function readSloSpec(
  value: unknown,
  path: string,
  problems: Problem[],
): SloConfig | undefined {
  const before = problems.length
  const check = new ObjectCheck(problems)
  const spec = check.object(path, value)
  if (spec === undefined) return undefined
  check.known(path, spec, ['objective', 'period', 'latencyOver', 'minEvents', 'actions'])
  const { objective } = spec
  const fits = typeof objective === 'number' && objective >= 50 && objective <= 99.999
  if (!fits) check.wrong(`${path}/objective`, objective, 'a percentage from 50 to 99.999')
  const periodMs = duration(check, `${path}/period`, spec['period'], tableMs, dayMs, 90 * dayMs)
  const latencyMs = duration(
    check,
    `${path}/latencyOver`,
    spec['latencyOver'],
    Number.POSITIVE_INFINITY,
    1,
    hourMs,
  )
  check.integer(`${path}/minEvents`, spec['minEvents'], 1, 1_000_000)
  const actions: SloAction[] = []
  check.list(`${path}/actions`, spec['actions'], 8, (at, item) => {
    const action = readAction(check, at, item)
    if (action !== undefined) actions.push(action)
  })
  const part = fits ? objective / 100 : 1
  const tiers = sloTiers(periodMs)
  for (const [i, action] of actions.entries()) {
    const tier = tiers.find((one) => one.name === action.on)
    // At a total outage the burn rate is 1 / (1 - objective): more can never be seen.
    if (fits && tier !== undefined && tier.factor * (1 - part) >= 1) {
      const message = `never happens: ${action.on} needs a burn rate of ${tier.factor}, and at ${objective} % even a total outage burns at ${(1 / (1 - part)).toFixed(1)}`
      problems.push({ path: `${path}/actions/${i}/on`, message })
    }
  }
  if (problems.length > before) return undefined
  const minEvents = (spec['minEvents'] as number | undefined) ?? 20
  return {
    objective: part,
    periodMs,
    latencyMs,
    minEvents,
    tiers: tiers.filter((tier) => tier.factor * (1 - part) < 1),
    actions,
  }
}

function readAction(check: ObjectCheck, path: string, value: unknown): SloAction | undefined {
  const fields: Fields | undefined = check.object(path, value)
  if (fields === undefined) return undefined
  check.known(path, fields, ['on', 'action', 'percent', 'ttl'])
  const { on, action, percent } = fields
  check.oneOf(`${path}/on`, on, tierNames)
  check.oneOf(`${path}/action`, action, kinds)
  check.integer(`${path}/percent`, percent, 1, 99)
  if (percent !== undefined && action !== 'shed') {
    check.wrong(`${path}/percent`, percent, 'absent: only shed has it')
  }
  const ttlMs = duration(check, `${path}/ttl`, fields['ttl'], 5 * minuteMs, 1000, dayMs)
  return {
    on: on as SloTierName,
    action: action as SloActionKind,
    part: ((percent as number | undefined) ?? 50) / 100,
    ttlMs,
  }
}

function duration(
  check: ObjectCheck,
  path: string,
  value: unknown,
  fallback: number,
  low: number,
  high: number,
): number {
  if (value === undefined) return fallback
  try {
    const ms = parseDuration(value as Duration, path)
    if (ms >= low && ms <= high) return ms
  } catch {
    // Reported below, with the bounds.
  }
  check.wrong(path, value, `a duration with units, from ${low} to ${high} ms`)
  return fallback
}
