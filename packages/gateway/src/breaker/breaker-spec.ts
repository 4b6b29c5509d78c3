import { type Duration, type Problem, parseDuration } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import { ObjectCheck } from '../object-check.ts'

/**
 * `auto` follows the window. `forced-open` refuses everything, `forced-closed` admits everything and
 * only counts, `disabled` admits everything and counts nothing.
 */
export type BreakerMode = 'auto' | 'forced-open' | 'forced-closed' | 'disabled'

/** Settings of a breaker as a person writes them; every one has a default. */
export interface BreakerSpec {
  readonly mode?: BreakerMode
  /** How many of the last outcomes are looked at: 1 to 10,000, default 10. */
  readonly window?: number
  /** Opens when failures / outcomes is at least this: above 0, at most 1, exact to 0.0001; default 0.6. */
  readonly ratio?: number
  /** No opinion before this many outcomes; default the window. */
  readonly minCalls?: number
  /** How long it stays open before a probe; default 60s. A change applies to the open period that runs. */
  readonly recovery?: Duration
  /** After a failed probe the next open period is twice as long, up to this; default no growth. */
  readonly recoveryCap?: Duration
  /** Each open period is longer or shorter by up to this part, 0 to 0.5; default 0. */
  readonly jitter?: number
  /** Probes in flight at once; default 1. */
  readonly probes?: number
  /** Probes that must succeed before it closes; default 1. */
  readonly successes?: number
  /** Also opens when this part of the window took longer than `over`; a slow probe counts as failed. */
  readonly slow?: { readonly over: Duration; readonly ratio: number }
}

/** The settings in the units the breaker computes with. */
export interface BreakerConfig {
  readonly mode: BreakerMode
  readonly window: number
  /** Ratio in 1/10,000, so that 6 of 10 is compared in integers and never by rounding. */
  readonly ratioBps: number
  readonly minCalls: number
  readonly recoveryMs: number
  readonly recoveryCapMs: number
  readonly jitter: number
  readonly probes: number
  readonly successes: number
  /** Infinity when slow calls are not looked at. */
  readonly slowMs: number
  readonly slowBps: number
}

const modes: readonly string[] = ['auto', 'forced-open', 'forced-closed', 'disabled']
const fields: readonly string[] = [
  'mode',
  'window',
  'ratio',
  'minCalls',
  'recovery',
  'recoveryCap',
  'jitter',
  'probes',
  'successes',
  'slow',
]

/** Reads settings from outside; adds a problem for each thing that is wrong, with its path below `path`. */
export function readBreakerSpec(value: unknown, path: string, problems: Problem[]): BreakerConfig {
  const check = new ObjectCheck(problems)
  const spec = check.object(path, value) ?? {}
  check.known(path, spec, fields)
  const mode = spec['mode'] ?? 'auto'
  check.oneOf(`${path}/mode`, mode, modes)
  const window = readInteger(check, `${path}/window`, spec['window'], 10_000, 10)
  const recoveryMs = readDuration(check, `${path}/recovery`, spec['recovery'] ?? '60s')
  const jitter = spec['jitter'] ?? 0
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 0.5)) {
    check.wrong(`${path}/jitter`, jitter, 'a number from 0 to 0.5')
  }
  const slow = spec['slow'] === undefined ? undefined : check.object(`${path}/slow`, spec['slow'])
  if (slow !== undefined) check.known(`${path}/slow`, slow, ['over', 'ratio'])
  return {
    mode: mode as BreakerMode,
    window,
    ratioBps: readRatio(check, `${path}/ratio`, spec['ratio'] ?? 0.6),
    minCalls: readInteger(check, `${path}/minCalls`, spec['minCalls'], window, window),
    recoveryMs,
    recoveryCapMs:
      spec['recoveryCap'] === undefined
        ? recoveryMs
        : readDuration(check, `${path}/recoveryCap`, spec['recoveryCap']),
    jitter: jitter as number,
    probes: readInteger(check, `${path}/probes`, spec['probes'], 1000, 1),
    successes: readInteger(check, `${path}/successes`, spec['successes'], 1000, 1),
    slowMs: slow === undefined ? Infinity : readDuration(check, `${path}/slow/over`, slow['over']),
    slowBps: slow === undefined ? 0 : readRatio(check, `${path}/slow/ratio`, slow['ratio']),
  }
}

function readInteger(
  check: ObjectCheck,
  path: string,
  value: unknown,
  most: number,
  fallback: number,
): number {
  check.integer(path, value, 1, most)
  return typeof value === 'number' ? value : fallback
}

function readRatio(check: ObjectCheck, path: string, value: unknown): number {
  if (typeof value === 'number' && value > 0 && value <= 1) {
    return Math.max(1, Math.round(value * 10_000))
  }
  check.wrong(path, value, 'a number above 0 and at most 1')
  return 10_000
}

function readDuration(check: ObjectCheck, path: string, value: unknown): number {
  try {
    const ms = typeof value === 'string' ? parseDuration(value) : 0
    if (ms > 0) return ms
  } catch {
    // Reported below like every other wrong duration.
  }
  check.wrong(path, value, 'a duration above zero with its unit, such as 60s')
  return 1
}

/** The settings in computed form; throws TM_GATEWAY_BREAKER_INVALID with every problem in the details. */
export function breakerConfig(spec: BreakerSpec = {}): BreakerConfig {
  const problems: Problem[] = []
  const config = readBreakerSpec(spec, '', problems)
  if (problems.length > 0) throw gatewayErrors.error('TM_GATEWAY_BREAKER_INVALID', { problems })
  return config
}
