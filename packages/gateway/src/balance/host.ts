import { isIPv6 } from 'node:net'

/**
 * One address of a cluster and what the balancer, the outlier detector and the health checker know about it. Made by
 * `createHost` or `mergeHosts`; it belongs to one cluster.
 */
export interface Host {
  readonly address: string
  readonly port: number
  /** `address:port`, stable: hash balancers place the host by it. */
  readonly key: string
  /** Share among the hosts of its cluster; at least 1. Changed by `mergeHosts` only. */
  weight: number
  /** Requests in flight; kept by the cluster. */
  active: number
  /** Peak-EWMA of response times in milliseconds; kept by the balancer. */
  ewmaMs: number
  ewmaAt: number
  /** The average put on one scale for all times, so that two hosts compare without looking at the clock. */
  ewmaScore: number
  /** Monotonic time at which it joined or came back to health, for slow start. */
  since: number
  /** Last word of the active health check; true while none is configured. */
  healthy: boolean
  /** Ejected by outlier detection now. */
  ejected: boolean
  /** Kept by outlier detection. */
  readonly counts: AttemptCounts
}

/** What outlier detection has seen of a host. */
export interface AttemptCounts {
  /** Server errors without another outcome between. */
  serverErrors: number
  gatewayErrors: number
  connectFailures: number
  /** Attempts and failed attempts of the interval that runs. */
  total: number
  failed: number
  /** How many base periods the next ejection lasts, less one. */
  ejections: number
  /** Monotonic time at which the ejection ends; meaningless while not ejected. */
  until: number
}

/**
 * How one attempt at a host ended: the status of its response, or one of {@link attempt}. A number, because it is told
 * for each attempt.
 */
export type AttemptOutcome = number

/** Ends of an attempt that have no status. */
export const attempt = {
  /** No connection could be made. */
  connect: -1,
  /** The connection broke before the response head. */
  reset: -2,
  /** The attempt's time was over. */
  timeout: -3,
  /** What came is no HTTP. */
  protocol: -4,
  /** The caller gave up (client gone, deadline of the whole request): says nothing about the host. */
  aborted: -5,
} as const

/** Whether an outcome counts against the host. */
export function isFailure(outcome: AttemptOutcome): boolean {
  return outcome >= 500 || (outcome < 0 && outcome !== attempt.aborted)
}

/** Whether requests go to the host while there is no panic. */
export function isUsable(host: Host): boolean {
  return host.healthy && !host.ejected
}

/** What a source of addresses says of a host. */
export interface HostAddress {
  readonly address: string
  readonly port: number
  /** Default 1. */
  readonly weight?: number
}

export function hostKey(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`
}

/** A host that is taken for healthy; `since` is the monotonic time at which it joins. */
export function createHost(from: HostAddress, since: number): Host {
  const { address, port, weight = 1 } = from
  return {
    address,
    port,
    key: hostKey(address, port),
    weight: Math.max(1, weight),
    active: 0,
    ewmaMs: 0,
    ewmaAt: 0,
    ewmaScore: 0,
    since,
    healthy: true,
    ejected: false,
    counts: {
      serverErrors: 0,
      gatewayErrors: 0,
      connectFailures: 0,
      total: 0,
      failed: 0,
      ejections: 0,
      until: 0,
    },
  }
}

/**
 * The hosts for a new list of addresses: those that were there already are the same objects with all that is known of
 * them, with the new weight. An address that is listed twice is one host with the sum of the weights.
 */
export function mergeHosts(
  known: readonly Host[],
  wanted: readonly HostAddress[],
  now: number,
): Host[] {
  const old = new Map(known.map((host) => [host.key, host]))
  const merged = new Map<string, Host>()
  for (const from of wanted) {
    const key = hostKey(from.address, from.port)
    const weight = Math.max(1, from.weight ?? 1)
    const twice = merged.get(key)
    if (twice !== undefined) {
      twice.weight += weight
      continue
    }
    const host = old.get(key) ?? createHost(from, now)
    host.weight = weight
    merged.set(key, host)
  }
  return [...merged.values()]
}
