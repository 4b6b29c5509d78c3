import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock, Closable, Logger, Timer } from '@tidemill/core'
import type { Gateway } from '@tidemill/gateway'
import type { Kv } from '@tidemill/kv'
import type { EventStream } from './admin/event-stream.ts'
import { gatewayPicture } from './gateway-view.ts'
import type { MetricFamily } from './metrics-text.ts'
import { createOverviewMaker, type Overview } from './overview.ts'
import type { OrderTotals, Picture, RunningSystem } from './system.ts'

export interface ObserverOptions {
  readonly version: string
  readonly clock: Clock
  readonly logger: Logger
  readonly gateway: Gateway
  readonly kv: Kv
  readonly systems: readonly RunningSystem[]
  readonly stream: EventStream
}

/** Samples everything once a second, and publishes to the open consoles. */
export interface Observer extends Closable {
  overview(): Overview
  metrics(): readonly MetricFamily[]
}

const periodMs = 1000
const latestOrders = 50

export function createObserver(options: ObserverOptions): Observer {
  const { clock, gateway, kv, systems, stream, logger } = options
  const maker = createOverviewMaker(options.version, clock)
  const loopDelay = monitorEventLoopDelay({ resolution: 10 })
  loopDelay.enable()
  let timer: Timer | undefined
  let sampling: Promise<void> = Promise.resolve()
  let closed = false
  let knownRevision = 0

  const sample = async (): Promise<void> => {
    const pictures = await Promise.all(systems.map((system) => system.picture()))
    const totals = await Promise.all(systems.map((system) => system.totals()))
    const { revision } = await kv.status()
    if (revision !== knownRevision) {
      const what = knownRevision === 0 ? 'started with' : 'changed to'
      maker.note({ kind: 'config', text: `configuration ${what} revision ${revision}` })
      knownRevision = revision
    }
    const overview = maker.sample(
      [gatewayPicture(gateway), configPicture(revision), ...pictures],
      sum(totals),
    )
    stream.publish('overview', overview.rev, overview)
    // Lists are read only while somebody looks.
    if (stream.clients === 0) return
    const items = await systems[0]?.latestOrders(latestOrders)
    stream.publish('orders', overview.rev, { rev: overview.rev, items: items ?? [] })
  }
  const tick = (): void => {
    if (closed) return
    sampling = sample().catch((error: unknown) => {
      logger.log('warn', 'sampling failed', { error })
    })
    void sampling.then(() => {
      if (!closed) timer = clock.timer(periodMs, tick, { ref: false })
    })
  }
  tick()
  const close = async (): Promise<void> => {
    closed = true
    timer?.cancel()
    loopDelay.disable()
    await sampling
  }
  return {
    overview: () => maker.current,
    metrics: () => platformMetrics(maker.current, loopDelay.percentile(99) / 1e9),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function configPicture(revision: number): Picture {
  return {
    nodes: [
      { id: 'config', kind: 'config', label: 'config (kv)', state: 'ok', facts: { revision } },
    ],
    // Each revision in force came over the watch.
    edges: [{ from: 'config', to: 'gateway', total: revision, errors: 0, p99Ms: null }],
  }
}

function sum(all: readonly OrderTotals[]): OrderTotals {
  const add = (pick: (totals: OrderTotals) => number): number =>
    all.reduce((total, totals) => total + pick(totals), 0)
  return {
    placed: add((totals) => totals.placed),
    confirmed: add((totals) => totals.confirmed),
    cancelled: add((totals) => totals.cancelled),
    pending: add((totals) => totals.pending),
    stuck: add((totals) => totals.stuck),
  }
}

function platformMetrics(overview: Overview, loopDelaySeconds: number): MetricFamily[] {
  const { totals } = overview
  return [
    {
      name: 'tidemill_orders',
      type: 'gauge',
      help: 'Orders by state.',
      samples: (['confirmed', 'cancelled', 'pending', 'stuck'] as const).map((state) => ({
        labels: { state },
        value: totals[state],
      })),
    },
    {
      name: 'tidemill_orders_placed_total',
      type: 'counter',
      help: 'Orders placed.',
      samples: [{ labels: {}, value: totals.placed }],
    },
    {
      name: 'tidemill_eventloop_lag_seconds',
      type: 'gauge',
      help: 'Delay of the main loop, 99th percentile since start.',
      samples: [{ labels: {}, value: loopDelaySeconds }],
    },
  ]
}
