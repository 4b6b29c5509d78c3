import path from 'node:path'
import {
  type Clock,
  type Closable,
  type CloseStack,
  createCloseStack,
  type Logger,
  type Random,
  realClock,
  realRandom,
  silentLogger,
} from '@tidemill/core'
import { type Gateway, objectKey, openGateway } from '@tidemill/gateway'
import { type Kv, openKv } from '@tidemill/kv'
import { openAdminServer } from './admin/admin-server.ts'
import { eventRoutes } from './admin/event-routes.ts'
import { createEventStream } from './admin/event-stream.ts'
import { gatewayRoutes } from './admin/gateway-routes.ts'
import { kvRoutes } from './admin/kv-routes.ts'
import { observeRoutes } from './admin/observe-routes.ts'
import { sagaRoutes } from './admin/saga-routes.ts'
import { openDataDir } from './data-dir.ts'
import { platformErrors } from './errors.ts'
import { gatewayMetrics, routeView } from './gateway-view.ts'
import { metricsText } from './metrics-text.ts'
import { createObserver } from './observer.ts'
import type { Exposure, PlatformContext, RunningSystem, SystemModule } from './system.ts'

export interface PlatformOptions {
  /** Keeps the state; without it a temporary folder is used and removed on close. */
  readonly dataDir?: string | undefined
  /** Console on `port`, gateway on `port + 10`; 'auto' takes free ones. */
  readonly port: number | 'auto'
  readonly systems: readonly SystemModule[]
  readonly version: string
  /** Folder of the console's build. */
  readonly consoleDir?: string | undefined
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

/** Everything that runs, with its addresses. `close` drains the gateway, then stops systems and stores. */
export interface Platform extends Closable {
  readonly dataDir: string
  readonly consoleUrl: string
  readonly gatewayUrl: string
  readonly gateway: Gateway
  readonly kv: Kv
  readonly systems: readonly RunningSystem[]
  /** Resolves when no system has anything under way. */
  idle(): Promise<void>
}

const host = '127.0.0.1'
const drainGrace = '100ms'
const drainTimeout = '10s'

/** Starts kv, gateway, the systems and the admin server on loopback; on failure closes what was started. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const stack = createCloseStack()
  try {
    return await start(options, stack)
  } catch (error) {
    await stack.close()
    throw error
  }
}

async function start(options: PlatformOptions, stack: CloseStack): Promise<Platform> {
  const { clock = realClock, random = realRandom, logger = silentLogger } = options
  const ports = portsOf(options.port)
  const dataDir = stack.add(await openDataDir(options.dataDir))
  const kv = stack.add(
    await openKv({ url: `sqlite:${path.join(dataDir.path, 'kv.db')}`, clock, logger }),
  )
  const gateway = await openGateway({
    kv,
    listen: { host, port: ports.gateway },
    clock,
    random,
    logger,
  }).catch((error: unknown) => {
    throw portProblem(error, ports.gateway)
  })
  stack.add(gateway)
  const context: PlatformContext = {
    dataDir: dataDir.path,
    kv,
    clock,
    random,
    logger,
    expose: (exposure) => expose(gateway, exposure),
  }
  const systems = await startSystems(options.systems, context, stack)
  const stream = createEventStream(clock)
  const observer = createObserver({
    version: options.version,
    clock,
    logger,
    gateway,
    kv,
    systems,
    stream,
  })
  stack.add(observer)
  stack.defer(() => stream.close())
  let draining = false
  const stores = systems.flatMap((system) => Object.values(system.eventStores ?? {}))
  const sagas = systems.flatMap((system) => Object.values(system.sagas ?? {}))
  const admin = await openAdminServer({
    host,
    port: ports.console,
    consoleDir: options.consoleDir,
    routes: [
      ...observeRoutes({
        systems,
        stream,
        overview: () => observer.overview(),
        routeOf: (requestId) => routeView(gateway.follow(requestId)),
        metrics: () => metricsText([...gatewayMetrics(gateway), ...observer.metrics()]),
        ready: () => !draining,
      }),
      ...gatewayRoutes(gateway),
      ...kvRoutes(kv),
      ...stores.slice(0, 1).flatMap((store) => eventRoutes(store, clock)),
      ...sagas.slice(0, 1).flatMap((engine) => sagaRoutes(engine)),
    ],
  })
  stack.add(admin)
  const close = async (): Promise<void> => {
    draining = true
    try {
      await gateway.drain({ grace: drainGrace, timeout: drainTimeout })
    } finally {
      await stack.close()
    }
  }
  let closing: Promise<void> | undefined
  const platform: Platform = {
    dataDir: dataDir.path,
    consoleUrl: admin.url,
    gatewayUrl: gateway.url,
    gateway,
    kv,
    systems,
    async idle() {
      await Promise.all(systems.map((system) => system.idle()))
    },
    close: () => (closing ??= close()),
    [Symbol.asyncDispose]: () => platform.close(),
  }
  return platform
}

/** Starts them side by side; when one fails, waits for the others, so that all that started can be closed. */
async function startSystems(
  modules: readonly SystemModule[],
  context: PlatformContext,
  stack: CloseStack,
): Promise<readonly RunningSystem[]> {
  const outcomes = await Promise.allSettled(modules.map((module) => module.start(context)))
  const systems = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  )
  for (const system of systems) stack.add(system)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return systems
}

function portsOf(port: number | 'auto'): { readonly console: number; readonly gateway: number } {
  return port === 'auto' ? { console: 0, gateway: 0 } : { console: port, gateway: port + 10 }
}

function portProblem(error: unknown, port: number): unknown {
  const { code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error
  return platformErrors.error(
    'TM_PLATFORM_PORT_BUSY',
    { host, port, what: 'gateway', next: port + 10 },
    { cause: error },
  )
}

/** Registers addresses, and those routes and policies that the operator has not put in place already. */
async function expose(gateway: Gateway, exposure: Exposure): Promise<void> {
  for (const [name, urls] of Object.entries(exposure.backends)) gateway.setBackend(name, urls)
  const known = new Set([...gateway.routes(), ...gateway.policies()].map((status) => status.key))
  const missing = <T extends { metadata: { name: string; namespace?: string } }>(
    objects: readonly T[],
  ): T[] => objects.filter((object) => !known.has(objectKey(object.metadata)))
  await Promise.all([
    ...missing(exposure.routes).map((route) => gateway.putRoute(route)),
    ...missing(exposure.policies ?? []).map((policy) => gateway.putPolicy(policy)),
  ])
}
