import type { Clock } from '@tidemill/core'
import { createRateMeter, type RateMeter } from './rate.ts'
import type { OrderTotals, Picture, PictureEdge, PictureNode } from './system.ts'

export interface OverviewEdge {
  readonly from: string
  readonly to: string
  /** Per second over the last five seconds. */
  readonly rps: number
  readonly errorRatio: number
  readonly p99Ms: number | null
  readonly breaker?: string
}

export interface HealthReason {
  readonly code: string
  readonly text: string
}

export interface RecentEntry {
  readonly at: number
  readonly kind: string
  readonly text: string
  readonly ref?: string
}

/** The platform at one moment, as the console draws it and `tidemill status` prints it. */
export interface Overview {
  readonly version: string
  readonly startedAt: string
  readonly uptimeMs: number
  /** Grows with every sample; list and detail that carry the same rev show the same moment. */
  readonly rev: number
  readonly health: {
    readonly state: 'ok' | 'degraded' | 'down'
    readonly reasons: readonly HealthReason[]
  }
  readonly nodes: readonly PictureNode[]
  readonly edges: readonly OverviewEdge[]
  readonly totals: OrderTotals & { readonly ordersPerMinute: number }
  readonly recent: readonly RecentEntry[]
}

/** Samples pictures and makes an overview of them. */
export interface OverviewMaker {
  readonly current: Overview
  note(entry: Omit<RecentEntry, 'at'>): void
  sample(pictures: readonly Picture[], totals: OrderTotals): Overview
}

const windowMs = 5000
const recentLimit = 20
const noTotals: OrderTotals = { placed: 0, confirmed: 0, cancelled: 0, pending: 0, stuck: 0 }

export function createOverviewMaker(version: string, clock: Clock): OverviewMaker {
  const startedAt = clock.now()
  const meter = createRateMeter(windowMs)
  const recent: RecentEntry[] = []
  const breakers = new Map<string, string>()
  const note = (entry: Omit<RecentEntry, 'at'>): void => {
    recent.unshift({ ...entry, at: clock.now() })
    recent.length = Math.min(recent.length, recentLimit)
  }
  const build = (pictures: readonly Picture[], totals: OrderTotals, rev: number): Overview => {
    const nodes = pictures.flatMap((picture) => picture.nodes)
    const edges = pictures.flatMap((picture) => picture.edges)
    const reasons = healthReasons(nodes, edges, totals)
    const down = nodes.some((node) => node.state === 'down')
    return {
      version,
      startedAt: new Date(startedAt).toISOString(),
      uptimeMs: clock.now() - startedAt,
      rev,
      health: { state: down ? 'down' : reasons.length > 0 ? 'degraded' : 'ok', reasons },
      nodes,
      edges: edges.map((edge) => edgeView(edge, meter)),
      totals: { ...totals, ordersPerMinute: meter.rate('orders') * 60 },
      recent: [...recent],
    }
  }
  let current = build([], noTotals, 0)
  return {
    get current() {
      return current
    },
    note,
    sample(pictures, totals) {
      const counters = new Map<string, number>([['orders', totals.placed]])
      for (const edge of pictures.flatMap((picture) => picture.edges)) {
        const key = `${edge.from}>${edge.to}`
        counters.set(key, edge.total)
        counters.set(`${key}!`, edge.errors)
        const before = breakers.get(key)
        if (edge.breaker !== undefined && edge.breaker !== before) {
          breakers.set(key, edge.breaker)
          if (before !== undefined)
            note({ kind: 'breaker', text: `${key}: ${before} -> ${edge.breaker}` })
        }
      }
      meter.sample(clock.monotonic(), counters)
      current = build(pictures, totals, current.rev + 1)
      return current
    },
  }
}

function edgeView(edge: PictureEdge, meter: RateMeter): OverviewEdge {
  const rps = meter.rate(`${edge.from}>${edge.to}`)
  const errors = meter.rate(`${edge.from}>${edge.to}!`)
  return {
    from: edge.from,
    to: edge.to,
    rps,
    errorRatio: rps === 0 ? 0 : Math.min(1, errors / rps),
    p99Ms: edge.p99Ms,
    ...(edge.breaker === undefined ? {} : { breaker: edge.breaker }),
  }
}

function healthReasons(
  nodes: readonly PictureNode[],
  edges: readonly PictureEdge[],
  totals: OrderTotals,
): HealthReason[] {
  const reasons: HealthReason[] = []
  for (const node of nodes) {
    if (node.state !== 'ok')
      reasons.push({ code: `node-${node.state}`, text: `${node.label} is ${node.state}` })
  }
  for (const edge of edges) {
    if (edge.breaker === 'open' || edge.breaker === 'forced-open') {
      reasons.push({
        code: 'breaker-open',
        text: `the breaker from ${edge.from} to ${edge.to} is ${edge.breaker}`,
      })
    }
  }
  if (totals.stuck > 0) {
    reasons.push({
      code: 'saga-stuck',
      text: `${totals.stuck} orders are stuck: tidemill saga ls --state stuck`,
    })
  }
  return reasons
}
