import type { SocketState } from '../listener/index.ts'
import type { SocketPlan } from '../listener/listener-plan.ts'
import type { GatewayCore } from './gateway-core.ts'
import type { ListeningSocket, RuntimeSnapshot } from './gateway-runtime.ts'

/** What a gateway of one process counts. */
export function coreSnapshot(core: GatewayCore): RuntimeSnapshot {
  const { plane, clock } = core
  const counts = plane.counts
  const { streams } = core.listeners.counts()
  const traffic = core.metrics.snapshot(clock.monotonic())
  const { user, system } = process.cpuUsage()
  return {
    revision: core.configuration.revision,
    uptimeMs: clock.monotonic() - core.startedAt,
    workers: [
      {
        pid: process.pid,
        requests: traffic.reduce((sum, one) => sum + one.requests, 0),
        cpuMs: (user + system) / 1000,
        rssBytes: process.memoryUsage.rss(),
        eventLoopLagMs: core.lag.ms,
      },
    ],
    connections: {
      http1: counts.http1,
      http2: counts.http2,
      streams: streams.open,
      requests: counts.requests,
    },
    traffic,
    breakers: core.breakers.list(),
    clusters: core.clusters
      .list()
      .map((cluster) => Object.assign({ name: cluster.name }, cluster.stats())),
    limits: Array.from(core.guards.limits(), ({ route, limit }) => ({
      route,
      name: limit.config.name,
      keys: limit.limiter.keys,
      counts: { ...limit.counts },
    })),
    accessLog: core.access?.stats(),
  }
}

/** Where the plans are bound. */
export function listeningSockets(
  plans: readonly SocketPlan[],
  states: readonly SocketState[],
): ListeningSocket[] {
  return plans.map((plan) => {
    const state = states.find((one) => one.key === plan.key)
    const { listeners } = plan
    return {
      gateways: [...new Set(listeners.map((one) => one.gateway))],
      transport: plan.transport,
      address: plan.address,
      port: listeners[0]?.port ?? plan.port,
      boundPort: state?.port ?? 0,
      protocols: [...new Set(listeners.map((one) => one.protocol))],
      error: state?.error?.message ?? state?.problems[0],
    }
  })
}
