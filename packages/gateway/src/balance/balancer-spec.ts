import type { Duration, Problem } from '@tidemill/core'
import { SpecFields } from './spec-fields.ts'

/**
 * `round-robin`, `random`, `least-request` and `peak-ewma` (the last two compare two drawn hosts) follow the weights and
 * slow start; `maglev` and `ring-hash` send equal hashes to the same host while it is usable.
 */
export type BalancerType =
  | 'round-robin'
  | 'random'
  | 'least-request'
  | 'peak-ewma'
  | 'maglev'
  | 'ring-hash'

/** Settings of a balancer as a person writes them; every one has a default. */
export interface BalancerSpec {
  /** Default `least-request`. */
  readonly type?: BalancerType
  /** A host that joins, or comes back to health, gets its share bit by bit; not for hash balancers. */
  readonly slowStart?: {
    /** Default 30s. */
    readonly window?: Duration
    /** The share grows as (time / window) ^ (1 / aggression); 0.1 to 10, default 1: evenly. */
    readonly aggression?: number
    /** Part of its share that it gets at once, in percent, 1 to 100; default 10. */
    readonly leastPercent?: number
  }
  /** With less than this percentage of hosts usable, all get requests; 0 is off, default 50. */
  readonly panicPercent?: number
  /** `peak-ewma`: how long a slow response is remembered; default 10s. */
  readonly decay?: Duration
  /** `maglev`: slots of the table, a prime from 1,009 to 5,000,011; default 65,537. */
  readonly tableSize?: number
  /** `ring-hash`: points of the ring, 1,024 to 8,388,608; by default from 1,024 up as the weights need. */
  readonly ringSize?: { readonly least?: number; readonly most?: number }
  /** Hash balancers: a host takes at most this percentage of the average of all, 120 to 200; default no bound. */
  readonly boundedLoadPercent?: number
}

/** The settings in the units the balancer computes with. */
export interface BalancerConfig {
  readonly type: BalancerType
  /** 0 without slow start. */
  readonly slowStartMs: number
  readonly aggression: number
  readonly leastFactor: number
  readonly panicPercent: number
  readonly decayMs: number
  readonly tableSize: number
  readonly leastPoints: number
  readonly mostPoints: number
  /** Infinity without a bound. */
  readonly loadFactor: number
}

const types = [
  'round-robin',
  'random',
  'least-request',
  'peak-ewma',
  'maglev',
  'ring-hash',
] as const

export const largestRing: number = 8 * 1024 * 1024

/** Reads settings from outside; adds a problem for each thing that is wrong, with its path below `path`. */
export function readBalancerSpec(
  value: unknown,
  path: string,
  problems: Problem[],
): BalancerConfig {
  const spec = new SpecFields(value, path, problems, [
    'type',
    'slowStart',
    'panicPercent',
    'decay',
    'tableSize',
    'ringSize',
    'boundedLoadPercent',
  ])
  const type = spec.oneOf('type', types, 'least-request')
  // A setting that another type would use is a mistake that would go unnoticed.
  const only = (name: string, ...of: readonly BalancerType[]): void => {
    if (spec.has(name) && !of.includes(type)) spec.wrong(name, `absent with type ${type}`)
  }
  only('decay', 'peak-ewma')
  only('tableSize', 'maglev')
  only('ringSize', 'ring-hash')
  only('boundedLoadPercent', 'maglev', 'ring-hash')
  only('slowStart', 'round-robin', 'random', 'least-request', 'peak-ewma')
  const slow = new SpecFields(spec.value('slowStart'), spec.path('slowStart'), problems, [
    'window',
    'aggression',
    'leastPercent',
  ])
  const ring = new SpecFields(spec.value('ringSize'), spec.path('ringSize'), problems, [
    'least',
    'most',
  ])
  const tableSize = spec.integer('tableSize', 1009, 5_000_011, 65_537)
  if (!isPrime(tableSize)) spec.wrong('tableSize', 'a prime from 1009 to 5000011')
  const leastPoints = ring.integer('least', 1024, largestRing, 1024)
  const mostPoints = ring.integer('most', 1024, largestRing, largestRing)
  if (leastPoints > mostPoints) ring.wrong('least', 'at most ringSize/most')
  const hasSlowStart = spec.has('slowStart')
  const bound = spec.number('boundedLoadPercent', 120, 200, Infinity)
  return {
    type,
    slowStartMs: hasSlowStart ? slow.duration('window', '30s') : 0,
    aggression: slow.number('aggression', 0.1, 10, 1),
    leastFactor: slow.number('leastPercent', 1, 100, 10) / 100,
    panicPercent: spec.number('panicPercent', 0, 100, 50),
    decayMs: spec.duration('decay', '10s'),
    tableSize,
    leastPoints,
    mostPoints,
    loadFactor: bound / 100,
  }
}

function isPrime(value: number): boolean {
  // Out of range is reported already.
  if (!Number.isInteger(value) || value < 2 || value > 5_000_011) return true
  for (let i = 2; i * i <= value; i++) if (value % i === 0) return false
  return true
}
