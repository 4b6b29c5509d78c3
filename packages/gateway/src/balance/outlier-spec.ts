import type { Duration, Problem } from '@tidemill/core'
import { SpecFields } from './spec-fields.ts'

/** Settings of outlier detection as a person writes them; every one has a default. */
export interface OutlierSpec {
  /** Server errors in a row (any failure without a response is one) that eject; 0 is off, default 5. */
  readonly consecutive5xx?: number
  /** The same of 502, 503, 504 and failures without a response; 0 is off, default 5. */
  readonly consecutiveGatewayErrors?: number
  /** The same of connections that could not be made; 0 is off, default 5. */
  readonly consecutiveConnectFailures?: number
  /** Ejects hosts whose part of successes lies `factor` standard deviations below the mean; `false` is off. */
  readonly successRate?:
    | false
    | {
        /** Hosts with enough requests that it takes to compare; default 5. */
        readonly minHosts?: number
        /** Requests of a host in the interval for it to count; default 100. */
        readonly minRequests?: number
        /** Default 1.9. */
        readonly factor?: number
      }
  /** Ejects hosts of whose requests at least `percent` failed; `false` is off. */
  readonly failurePercentage?:
    | false
    | {
        /** Default 85. */
        readonly percent?: number
        /** Default 5. */
        readonly minHosts?: number
        /** Default 50. */
        readonly minRequests?: number
      }
  /** How often rates are looked at; default 10s. */
  readonly interval?: Duration
  /** Length of the first ejection, each further one is this much longer; default 30s. */
  readonly ejection?: Duration
  /** Longest ejection; default 300s. */
  readonly maxEjection?: Duration
  /** Hosts that may be ejected at once, in percent of all; the last usable one never is. Default 50. */
  readonly maxPercent?: number
}

/** The settings in the units the detector computes with; 0 turns a check off. */
export interface OutlierConfig {
  readonly serverErrors: number
  readonly gatewayErrors: number
  readonly connectFailures: number
  /** Infinity is off. */
  readonly rateMinHosts: number
  readonly rateMinRequests: number
  readonly rateFactor: number
  readonly percent: number
  /** Infinity is off. */
  readonly percentMinHosts: number
  readonly percentMinRequests: number
  readonly intervalMs: number
  readonly ejectionMs: number
  readonly maxEjectionMs: number
  readonly maxPercent: number
}

/** Reads settings from outside; adds a problem for each thing that is wrong, with its path below `path`. */
export function readOutlierSpec(value: unknown, path: string, problems: Problem[]): OutlierConfig {
  const spec = new SpecFields(value, path, problems, [
    'consecutive5xx',
    'consecutiveGatewayErrors',
    'consecutiveConnectFailures',
    'successRate',
    'failurePercentage',
    'interval',
    'ejection',
    'maxEjection',
    'maxPercent',
  ])
  const part = (name: string, known: readonly string[]): SpecFields =>
    new SpecFields(
      spec.value(name) === false ? undefined : spec.value(name),
      spec.path(name),
      problems,
      known,
    )
  const rate = part('successRate', ['minHosts', 'minRequests', 'factor'])
  const percentage = part('failurePercentage', ['percent', 'minHosts', 'minRequests'])
  const rateHosts = rate.integer('minHosts', 2, 100_000, 5)
  const percentHosts = percentage.integer('minHosts', 1, 100_000, 5)
  const ejectionMs = spec.duration('ejection', '30s')
  const maxEjectionMs = spec.duration('maxEjection', '300s')
  if (spec.has('maxEjection') && maxEjectionMs < ejectionMs) {
    spec.wrong('maxEjection', 'at least ejection')
  }
  return {
    serverErrors: spec.integer('consecutive5xx', 0, 1_000_000, 5),
    gatewayErrors: spec.integer('consecutiveGatewayErrors', 0, 1_000_000, 5),
    connectFailures: spec.integer('consecutiveConnectFailures', 0, 1_000_000, 5),
    rateMinHosts: spec.value('successRate') === false ? Infinity : rateHosts,
    rateMinRequests: rate.integer('minRequests', 1, 1_000_000_000, 100),
    rateFactor: rate.number('factor', 0.1, 100, 1.9),
    percent: percentage.number('percent', 1, 100, 85),
    percentMinHosts: spec.value('failurePercentage') === false ? Infinity : percentHosts,
    percentMinRequests: percentage.integer('minRequests', 1, 1_000_000_000, 50),
    intervalMs: spec.duration('interval', '10s'),
    ejectionMs,
    maxEjectionMs: Math.max(ejectionMs, maxEjectionMs),
    maxPercent: spec.number('maxPercent', 0, 100, 50),
  }
}
