import { MetricsRegistry } from '../metrics.ts'
import { realClock, realRandom, silentLogger } from '@tidemill/core'
import { BreakerRegistry } from '../breaker-registry.ts'
import { addressUrl } from '../configuration/backend-address.ts'
import { Configuration } from '../configuration/index.ts'
import { explain, explainDecision } from '../explanation.ts'
import { LeaseCoordinator } from '../limit/index.ts'
import type { RequestRecord } from '../request-log.ts'
import { SloEngine } from '../slo/index.ts'
import { createWorkerPool } from '../workers/index.ts'
import { listeningSockets } from './core-figures.ts'
import type { GatewayRuntime, RuntimeSnapshot } from './gateway-runtime.ts'
import { ListedClusters } from './listed-clusters.ts'
import { listenAddressOf } from './listen-rule.ts'
import { mergeSnapshots } from './merged-figures.ts'
import type { RuntimeOptions } from './runtime-options.ts'
import { evaluateSlo } from './slo-evaluation.ts'
import { workerArgument } from './worker-options.ts'

/** A configuration that serves nobody: for status, explanations and checks. */
export function listedConfiguration(options: RuntimeOptions, slo?: SloEngine): Configuration {
  const { clock = realClock, random = realRandom } = options
  return new Configuration({
    clusters: new ListedClusters(),
    metrics: new MetricsRegistry(),
    breakers: new BreakerRegistry(clock, random, silentLogger),
    ...(slo === undefined ? {} : { slo }),
    maxBodyBytes: options.maxBodyBytes ?? 10 * 1024 * 1024,
    listenAddress: listenAddressOf(options.listen ?? []),
    ...(options.implicitListener === undefined
      ? {}
      : { implicitListener: options.implicitListener }),
    ...(options.controllerName === undefined ? {} : { controllerName: options.controllerName }),
  })
}

/**
 * A gateway of several worker processes behind sockets that this process owns; a worker that crashes loses its own
 * connections and is started again. Rejects with TM_GATEWAY_WORKER_START.
 */
export async function openPooledRuntime(
  options: RuntimeOptions & { readonly workers: number },
): Promise<GatewayRuntime> {
  const { clock = realClock, random = realRandom, logger = silentLogger, workers } = options
  const slo = new SloEngine({ clock, random, logger, ...options.slo, role: 'primary' })
  const configuration = listedConfiguration(options, slo)
  const pool = await createWorkerPool({
    entry: new URL(
      import.meta.url.endsWith('.ts') ? 'worker-main.ts' : 'worker-main.js',
      import.meta.url,
    ),
    args: [workerArgument(options)],
    workers,
    clock,
    random,
    logger,
    leases: new LeaseCoordinator({ clock }),
  })
  const startedAt = clock.monotonic()
  const asked = async <T>(name: string, body: unknown = null): Promise<T[]> =>
    (await pool.ask(name, body)).map(({ answer }) => answer as T)
  const evaluation = evaluateSlo(slo, (decisions) => asked('slo', decisions), clock)
  const close = async (): Promise<void> => {
    evaluation.stop()
    await pool.close()
  }
  const states = () =>
    configuration.sockets().map((plan) => {
      const bound = pool.sockets().find((one) => one.key === plan.key)
      return {
        key: plan.key,
        port: bound?.port ?? 0,
        listening: bound !== undefined,
        error: undefined,
        problems: bound === undefined ? ['it is not open; the log says why'] : [],
        tcp: undefined,
        udp: undefined,
      }
    })
  const runtime: GatewayRuntime = {
    get revision() {
      return configuration.revision
    },
    slo,
    async apply(changes, revision, snapshot) {
      configuration.apply(changes, revision, snapshot)
      await pool.apply({ changes, revision, snapshot })
    },
    async setBackends(backends) {
      // Refuses what is not valid before any worker hears of it.
      configuration.setBackends(backends)
      pool.setEndpoints(backends)
    },
    backends: () =>
      [...configuration.backends.given()].map(([name, addresses]) => ({
        name,
        addresses: addresses.map(addressUrl),
      })),
    sockets: () => listeningSockets(configuration.sockets(), states()),
    status: () => configuration.status(),
    explain: (request) => explain(configuration, request),
    decide: (request, target) => explainDecision(configuration, request, target),
    async snapshot() {
      const merged = mergeSnapshots(await asked<RuntimeSnapshot>('snapshot'))
      return { ...merged, uptimeMs: clock.monotonic() - startedAt }
    },
    async requests(limit) {
      const records = (await asked<readonly RequestRecord[]>('requests', limit)).flat()
      return records.toSorted((a, b) => b.at - a.at).slice(0, limit)
    },
    isolate: async (route, upstream, open) =>
      (await asked<boolean>('isolate', { route, upstream, open })).includes(true),
    restart: () => pool.roll(),
    drain: (graceMs, timeoutMs) => pool.drain({ grace: `${graceMs}ms`, timeout: `${timeoutMs}ms` }),
    close,
    [Symbol.asyncDispose]: close,
  }
  return runtime
}
