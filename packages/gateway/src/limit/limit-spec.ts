import { type Duration, type Problem, parseDuration } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import { ObjectCheck } from '../object-check.ts'
import {
  type LimitCondition,
  type LimitDescriptor,
  readCondition,
  readDescriptor,
} from './descriptor-spec.ts'

/** How much is let through. */
export interface LimitRate {
  /** Tokens in each `per`; 1 to 1,000,000,000. */
  readonly requests: number
  readonly per: Duration
  /** Tokens that may be taken at once after a pause; default `requests`. */
  readonly burst?: number
}

/**
 * Tokens that one request takes: a number, or what a field of the request or of the upstream's answer says. A field that
 * is missing or not a whole number counts `default` (1), more than `max` counts `max`. A request whose price stands in
 * the answer takes 1 token to come in and the rest when the answer is there.
 */
export type LimitCost =
  | number
  | { readonly requestHeader: string; readonly default?: number; readonly max: number }
  | { readonly responseHeader: string; readonly default?: number; readonly max: number }

/** A rate limit as a person writes it. */
export interface LimitSpec {
  /** Shown to clients in RateLimit fields and used in metrics: letters, digits, `-`, `_`, `.`, at most 64. */
  readonly name: string
  readonly rate: LimitRate
  /** What tells clients apart, in this order; none is one bucket for all. */
  readonly key?: readonly LimitDescriptor[]
  /** A descriptor that the request lacks: the limit does not apply (default), counts as empty text, or refuses. */
  readonly onMissing?: 'skip' | 'bucket' | 'deny'
  /** Counts but refuses nothing. */
  readonly shadow?: boolean
  readonly cost?: LimitCost
  /** `node` shares the limit among the workers of this machine; default `local`, each worker by itself. */
  readonly scope?: 'local' | 'node'
  /** A worker without the node's coordinator uses its own share of the rate (`open`, default) or refuses (`closed`). */
  readonly onLost?: 'open' | 'closed'
  readonly responseHeaders?: {
    /** RateLimit-Policy and RateLimit; default true. */
    readonly standard?: boolean
    /** X-RateLimit-Limit, -Remaining and -Reset (seconds from now); default false. */
    readonly legacy?: boolean
  }
  /** Keys remembered exactly, 2 to 1,000,000; default 100,000. The longest unused are forgotten first. */
  readonly maxKeys?: number
  /** Other rates for some; the first whose conditions all hold decides. */
  readonly overrides?: readonly LimitOverride[]
}

export interface LimitOverride {
  readonly when: readonly LimitCondition[]
  readonly rate: LimitRate
}

/** A rate in computed form. */
export interface LimitTier {
  readonly requests: number
  readonly periodMs: number
  readonly burst: number
  /** Milliseconds of one token. */
  readonly tokenMs: number
  /** Milliseconds in which an empty bucket fills. */
  readonly burstMs: number
}

export interface LimitCostConfig {
  readonly from: 'constant' | 'request' | 'response'
  /** Lower case; empty for a constant. */
  readonly header: string
  /** The constant, or what counts when the field is missing. */
  readonly value: number
  readonly max: number
}

/** The settings in the units the limiter computes with. */
export interface LimitConfig {
  readonly name: string
  /** Tier 0 is the limit's own rate, tier n the override n-1. */
  readonly tiers: readonly LimitTier[]
  readonly conditions: readonly (readonly LimitCondition[])[]
  readonly key: readonly LimitDescriptor[]
  readonly onMissing: 'skip' | 'bucket' | 'deny'
  readonly shadow: boolean
  readonly cost: LimitCostConfig
  readonly scope: 'local' | 'node'
  readonly onLost: 'open' | 'closed'
  readonly standardHeaders: boolean
  readonly legacyHeaders: boolean
  readonly maxKeys: number
}

const fields: readonly string[] = [
  'name',
  'rate',
  'key',
  'onMissing',
  'shadow',
  'cost',
  'scope',
  'onLost',
  'responseHeaders',
  'maxKeys',
  'overrides',
]
const mostTokens = 1_000_000_000
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/u
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/u

/** Reads settings from outside; undefined when anything is wrong, with a problem for each thing below `path`. */
export function readLimitSpec(
  value: unknown,
  path: string,
  problems: Problem[],
): LimitConfig | undefined {
  const before = problems.length
  const check = new ObjectCheck(problems)
  const spec = check.object(path, value)
  if (spec === undefined) return undefined
  check.known(path, spec, fields)
  check.text(`${path}/name`, spec['name'], 64, namePattern, 'a name of letters, digits, ., _ and -')
  const cost = readCost(check, `${path}/cost`, spec['cost'])
  const tiers = [readRate(check, `${path}/rate`, spec['rate'], cost.max)]
  const conditions: LimitCondition[][] = []
  check.list(`${path}/overrides`, spec['overrides'], 64, (at, item) => {
    const override = check.object(at, item)
    if (override === undefined) return
    check.known(at, override, ['when', 'rate'])
    const when: LimitCondition[] = []
    if (!Array.isArray(override['when']) || override['when'].length === 0) {
      check.wrong(`${at}/when`, override['when'], 'a list of 1 to 8 conditions')
    } else {
      check.list(`${at}/when`, override['when'], 8, (place, condition) => {
        const read = readCondition(check, place, condition)
        if (read !== undefined) when.push(read)
      })
    }
    conditions.push(when)
    tiers.push(readRate(check, `${at}/rate`, override['rate'], cost.max))
  })
  const key: LimitDescriptor[] = []
  check.list(`${path}/key`, spec['key'], 8, (at, item) => {
    const read = readDescriptor(check, at, item)
    if (read !== undefined) key.push(read)
  })
  const headers = check.object(`${path}/responseHeaders`, spec['responseHeaders'] ?? {}) ?? {}
  check.known(`${path}/responseHeaders`, headers, ['standard', 'legacy'])
  const config: LimitConfig = {
    name: String(spec['name']),
    tiers,
    conditions,
    key,
    onMissing: readChoice(check, `${path}/onMissing`, spec['onMissing'], missing),
    shadow: readFlag(check, `${path}/shadow`, spec['shadow'], false),
    cost,
    scope: readChoice(check, `${path}/scope`, spec['scope'], scopes),
    onLost: readChoice(check, `${path}/onLost`, spec['onLost'], lost),
    standardHeaders: readFlag(check, `${path}/responseHeaders/standard`, headers['standard'], true),
    legacyHeaders: readFlag(check, `${path}/responseHeaders/legacy`, headers['legacy'], false),
    maxKeys: readInteger(check, `${path}/maxKeys`, spec['maxKeys'], 2, 1_000_000, 100_000),
  }
  return problems.length === before ? config : undefined
}

const missing = ['skip', 'bucket', 'deny'] as const
const scopes = ['local', 'node'] as const
const lost = ['open', 'closed'] as const

function readRate(check: ObjectCheck, path: string, value: unknown, cost: number): LimitTier {
  const before = check.problems.length
  const rate = check.object(path, value) ?? {}
  check.known(path, rate, ['requests', 'per', 'burst'])
  const requests = readInteger(
    check,
    `${path}/requests`,
    rate['requests'] ?? null,
    1,
    mostTokens,
    1,
  )
  const burst = readInteger(check, `${path}/burst`, rate['burst'], 1, mostTokens, requests)
  const periodMs = readDuration(check, `${path}/per`, rate['per'])
  if (cost > burst && check.problems.length === before) {
    // Such a request could never pass, however long its client waits.
    check.wrong(`${path}/burst`, burst, `at least ${cost}, the tokens that one request may cost`)
  }
  const tokenMs = periodMs / requests
  return { requests, periodMs, burst, tokenMs, burstMs: burst * tokenMs }
}

function readCost(check: ObjectCheck, path: string, value: unknown): LimitCostConfig {
  const constant: LimitCostConfig = { from: 'constant', header: '', value: 1, max: 1 }
  if (value === undefined) return constant
  if (typeof value === 'number') {
    const tokens = readInteger(check, path, value, 1, mostTokens, 1)
    return { ...constant, value: tokens, max: tokens }
  }
  const spec = check.object(path, value)
  if (spec === undefined) return constant
  const from = spec['responseHeader'] === undefined ? 'request' : 'response'
  const member = `${from}Header`
  check.known(path, spec, [member, 'default', 'max'])
  check.text(`${path}/${member}`, spec[member], 256, fieldName, 'a name of a field')
  const max = readInteger(check, `${path}/max`, spec['max'] ?? null, 1, mostTokens, 1)
  return {
    from,
    header: String(spec[member]).toLowerCase(),
    value: readInteger(check, `${path}/default`, spec['default'], 1, max, 1),
    max,
  }
}

function readInteger(
  check: ObjectCheck,
  path: string,
  value: unknown,
  least: number,
  most: number,
  fallback: number,
): number {
  check.integer(path, value, least, most)
  return typeof value === 'number' ? value : fallback
}

function readFlag(check: ObjectCheck, path: string, value: unknown, fallback: boolean): boolean {
  if (value !== undefined && typeof value !== 'boolean') check.wrong(path, value, 'true or false')
  return typeof value === 'boolean' ? value : fallback
}

function readChoice<T extends string>(
  check: ObjectCheck,
  path: string,
  value: unknown,
  allowed: readonly [T, ...T[]],
): T {
  if (value === undefined) return allowed[0]
  check.oneOf(path, value, allowed)
  return value as T
}

function readDuration(check: ObjectCheck, path: string, value: unknown): number {
  try {
    const ms = typeof value === 'string' ? parseDuration(value) : 0
    if (ms > 0) return ms
  } catch {
    // Reported below like every other wrong duration.
  }
  check.wrong(path, value, 'a duration above zero with its unit, such as 1m')
  return 1
}

/** The settings in computed form; throws TM_GATEWAY_LIMIT_INVALID with every problem in the details. */
export function limitConfig(spec: LimitSpec): LimitConfig {
  const problems: Problem[] = []
  const config = readLimitSpec(spec, '', problems)
  if (config === undefined) throw gatewayErrors.error('TM_GATEWAY_LIMIT_INVALID', { problems })
  return config
}
