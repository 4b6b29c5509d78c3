import { type Clock, createSeededRandom, createVirtualClock, type Problem } from '@tidemill/core'
import {
  type Balancer,
  type BalancerSpec,
  createBalancer,
  createHost,
  type Host,
  readBalancerSpec,
} from '../../src/balance/index.ts'

/** Hosts `10.0.0.1:80` and up; `since` lies long before any slow start. */
export function someHosts(count: number, weights: readonly number[] = []): Host[] {
  return Array.from({ length: count }, (_, i) =>
    createHost(
      { address: `10.0.${i >> 8}.${(i & 255) + 1}`, port: 80, weight: weights[i] ?? 1 },
      -1e9,
    ),
  )
}

export function someBalancer(
  spec: BalancerSpec,
  hosts: readonly Host[],
  clock: Clock = createVirtualClock(),
  seed = 1,
  onPanic: (panic: boolean) => void = () => undefined,
): Balancer {
  const problems: Problem[] = []
  const config = readBalancerSpec(spec, '', problems)
  if (problems.length > 0) throw new Error(JSON.stringify(problems))
  const balancer = createBalancer(config, { clock, random: createSeededRandom(seed), onPanic })
  balancer.hosts(hosts)
  return balancer
}

/** How often each host was picked. */
export function pickCounts(
  balancer: Balancer,
  picks: number,
  hashOf: (i: number) => number = () => -1,
): Map<string, number> {
  const counts = new Map<string, number>()
  for (let i = 0; i < picks; i++) {
    const key = balancer.pick(hashOf(i), undefined)?.key ?? 'none'
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/**
 * Pearson's statistic of counts against shares. With k hosts it lies about k - 1 with a deviation of sqrt(2k - 2) when
 * chance follows the shares.
 */
export function chiSquare(
  hosts: readonly Host[],
  counts: ReadonlyMap<string, number>,
  share: (host: Host) => number,
): number {
  const picks = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const shares = hosts.reduce((sum, host) => sum + share(host), 0)
  return hosts.reduce((sum, host) => {
    const expected = (picks * share(host)) / shares
    return sum + ((counts.get(host.key) ?? 0) - expected) ** 2 / expected
  }, 0)
}

/** Far more than chance gives for k hosts (beyond five deviations). */
export function chiSquareLimit(hosts: number): number {
  return hosts - 1 + 5 * Math.sqrt(2 * (hosts - 1))
}

export function problemPaths(problems: readonly Problem[]): string[] {
  return problems.map((problem) => problem.path).toSorted()
}
