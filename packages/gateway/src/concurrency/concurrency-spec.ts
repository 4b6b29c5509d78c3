import { type Duration, type Problem, parseDuration } from '@tidemill/core'
import { gatewayErrors } from '../errors.ts'
import { type Fields, ObjectCheck } from '../object-check.ts'

/** How many requests may be under way at once; every part that is given must agree. */
export interface ConcurrencySpec {
  /** A fixed number, 1 to 65,535. */
  readonly max?: number
  /** A number found by latency (the gradient controller of Envoy's adaptive concurrency filter). */
  readonly adaptive?: AdaptiveSpec
  /** Refuses a part of the requests when too few succeed (Envoy's admission control filter). */
  readonly admission?: AdmissionSpec
  /** Refuses what exceeds throughput times latency while the event loop lags (BBR, as in Sentinel). */
  readonly overload?: OverloadSpec
}

export interface AdaptiveSpec {
  /** Lowest limit, and the limit while the best latency is measured; default 3. */
  readonly min?: number
  /** Highest limit; default 1000. */
  readonly max?: number
  /** How often the limit changes; default 100ms. */
  readonly interval?: Duration
  /** Part of the latencies that the sample stands above, 0 to 1; default 0.5. */
  readonly percentile?: number
  /** How often the best latency is measured anew; default 60s. */
  readonly minRttInterval?: Duration
  /** Requests of one measurement; default 50. */
  readonly minRttRequests?: number
  /** Each interval between measurements is longer by up to this part; default 0.15. */
  readonly jitter?: number
  /** Latency may exceed the best by this part before the limit falls; default 0.25. */
  readonly buffer?: number
}

export interface AdmissionSpec {
  /** Default 30s. */
  readonly window?: Duration
  /** Part of the requests that must succeed, above 0, at most 1; default 0.95. */
  readonly successRate?: number
  /** 1 refuses in proportion, more sooner; default 1. */
  readonly aggression?: number
  /** The most that is ever refused, 0 to 1; default 0.8. */
  readonly maxRejection?: number
  /** No opinion below that many requests per second; default 0. */
  readonly minRps?: number
}

export interface OverloadSpec {
  /** Lag of the event loop above which the guard acts; default 50ms. */
  readonly lag?: Duration
  /** Throughput and latency are the best of that long; default 10s. */
  readonly window?: Duration
}

export interface AdaptiveConfig {
  readonly min: number
  readonly max: number
  readonly intervalMs: number
  readonly percentile: number
  readonly minRttIntervalMs: number
  readonly minRttRequests: number
  readonly jitter: number
  readonly buffer: number
}

export interface AdmissionConfig {
  readonly windowMs: number
  readonly successRate: number
  readonly aggression: number
  readonly maxRejection: number
  readonly minRps: number
}

export interface OverloadConfig {
  readonly lagMs: number
  readonly windowMs: number
}

/** The settings in computed form; undefined for a part that is not asked for. */
export interface ConcurrencyConfig {
  readonly max: number | undefined
  readonly adaptive: AdaptiveConfig | undefined
  readonly admission: AdmissionConfig | undefined
  readonly overload: OverloadConfig | undefined
}

/** More at once than a permit can name. */
export const mostPermits = 65_535

/** Reads settings from outside; undefined when anything is wrong, with a problem for each thing below `path`. */
export function readConcurrencySpec(
  value: unknown,
  path: string,
  problems: Problem[],
): ConcurrencyConfig | undefined {
  const before = problems.length
  const check = new ObjectCheck(problems)
  const spec = check.object(path, value)
  if (spec === undefined) return undefined
  const parts = ['max', 'adaptive', 'admission', 'overload']
  check.known(path, spec, parts)
  if (parts.every((name) => spec[name] === undefined)) {
    check.wrong(path, value, 'an object with max, adaptive, admission or overload')
  }
  check.integer(`${path}/max`, spec['max'], 1, mostPermits)
  const config: ConcurrencyConfig = {
    max: spec['max'] as number | undefined,
    adaptive: part(check, `${path}/adaptive`, spec['adaptive'], readAdaptive),
    admission: part(check, `${path}/admission`, spec['admission'], readAdmission),
    overload: part(check, `${path}/overload`, spec['overload'], readOverload),
  }
  return problems.length === before ? config : undefined
}

/** The settings in computed form; throws TM_GATEWAY_CONCURRENCY_INVALID with every problem in the details. */
export function concurrencyConfig(spec: ConcurrencySpec): ConcurrencyConfig {
  const problems: Problem[] = []
  const config = readConcurrencySpec(spec, '', problems)
  if (config === undefined)
    throw gatewayErrors.error('TM_GATEWAY_CONCURRENCY_INVALID', { problems })
  return config
}

function part<T>(
  check: ObjectCheck,
  path: string,
  value: unknown,
  read: (check: ObjectCheck, path: string, spec: Fields) => T,
): T | undefined {
  const spec = value === undefined ? undefined : check.object(path, value)
  return spec === undefined ? undefined : read(check, path, spec)
}

function readAdaptive(check: ObjectCheck, path: string, spec: Fields): AdaptiveConfig {
  check.known(path, spec, [
    'min',
    'max',
    'interval',
    'percentile',
    'minRttInterval',
    'minRttRequests',
    'jitter',
    'buffer',
  ])
  const min = integer(check, path, 'min', spec, 1, mostPermits, 3)
  return {
    min,
    max: integer(check, path, 'max', spec, min, mostPermits, Math.max(min, 1000)),
    intervalMs: duration(check, path, 'interval', spec, 100),
    percentile: number(check, path, 'percentile', spec, 0.01, 1, 0.5),
    minRttIntervalMs: duration(check, path, 'minRttInterval', spec, 60_000),
    minRttRequests: integer(check, path, 'minRttRequests', spec, 1, 1000, 50),
    jitter: number(check, path, 'jitter', spec, 0, 1, 0.15),
    buffer: number(check, path, 'buffer', spec, 0, 10, 0.25),
  }
}

function readAdmission(check: ObjectCheck, path: string, spec: Fields): AdmissionConfig {
  check.known(path, spec, ['window', 'successRate', 'aggression', 'maxRejection', 'minRps'])
  return {
    windowMs: duration(check, path, 'window', spec, 30_000),
    successRate: number(check, path, 'successRate', spec, 0.01, 1, 0.95),
    aggression: number(check, path, 'aggression', spec, 1, 100, 1),
    maxRejection: number(check, path, 'maxRejection', spec, 0, 1, 0.8),
    minRps: number(check, path, 'minRps', spec, 0, 1_000_000, 0),
  }
}

function readOverload(check: ObjectCheck, path: string, spec: Fields): OverloadConfig {
  check.known(path, spec, ['lag', 'window'])
  return {
    lagMs: duration(check, path, 'lag', spec, 50),
    windowMs: duration(check, path, 'window', spec, 10_000),
  }
}

function integer(
  check: ObjectCheck,
  path: string,
  name: string,
  spec: Fields,
  low: number,
  high: number,
  fallback: number,
): number {
  const value = spec[name]
  check.integer(`${path}/${name}`, value, low, high)
  return typeof value === 'number' ? value : fallback
}

function number(
  check: ObjectCheck,
  path: string,
  name: string,
  spec: Fields,
  low: number,
  high: number,
  fallback: number,
): number {
  const value = spec[name] ?? fallback
  if (typeof value === 'number' && value >= low && value <= high) return value
  check.wrong(`${path}/${name}`, value, `a number from ${low} to ${high}`)
  return fallback
}

function duration(
  check: ObjectCheck,
  path: string,
  name: string,
  spec: Fields,
  fallback: number,
): number {
  const value = spec[name]
  if (value === undefined) return fallback
  try {
    const ms = typeof value === 'string' ? parseDuration(value) : 0
    if (ms > 0) return ms
  } catch {
    // Reported below like every other wrong duration.
  }
  check.wrong(`${path}/${name}`, value, 'a duration above zero with its unit, such as 100ms')
  return fallback
}
