import { addressUrl } from '../configuration/backend-address.ts'
import { explain, explainDecision } from '../explanation.ts'
import { coreSnapshot, listeningSockets } from './core-figures.ts'
import { GatewayCore } from './gateway-core.ts'
import type { GatewayRuntime } from './gateway-runtime.ts'
import { Isolations } from './isolations.ts'
import { coreOptions, type RuntimeOptions } from './runtime-options.ts'

/** How long the keys of TLS sessions serve. */
const ticketMs = 8 * 60 * 60_000

/** A gateway in this process, told what to serve by `apply`. */
export function openLocalRuntime(options: RuntimeOptions): GatewayRuntime {
  const core = new GatewayCore(coreOptions(options))
  core.rotateTicketKeys(ticketMs)
  const { configuration, listeners } = core
  const isolations = new Isolations(core.breakers)
  const runtime: GatewayRuntime = {
    get revision() {
      return configuration.revision
    },
    slo: core.slo,
    async apply(changes, revision, snapshot) {
      await core.apply(changes, revision, snapshot)
    },
    setBackends: async (backends) => configuration.setBackends(backends),
    backends: () =>
      [...configuration.backends.given()].map(([name, addresses]) => ({
        name,
        addresses: addresses.map(addressUrl),
      })),
    sockets: () => listeningSockets(configuration.sockets(), listeners.sockets()),
    status: () => configuration.status(),
    explain: (request) => explain(configuration, request),
    decide: (request, target) => explainDecision(configuration, request, target),
    snapshot: async () => coreSnapshot(core),
    requests: async (limit) => core.log.latest(limit),
    isolate: async (route, upstream, open) => isolations.set(route, upstream, open),
    restart: () => Promise.resolve(),
    drain: (graceMs, timeoutMs) => core.drain(graceMs, timeoutMs),
    close: () => core.close(),
    [Symbol.asyncDispose]: () => core.close(),
  }
  return runtime
}
