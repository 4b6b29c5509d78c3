import type { HttpRoute } from '@tidemill/gateway'
import type {
  Invariant,
  OrderLine,
  Picture,
  PictureEdge,
  PictureNode,
  RunningSystem,
  SystemModule,
} from '@tidemill/platform'
import { openShop, type Shop, type ShopStatus } from '@tidemill/shop'

export interface ShopSystemOptions {
  /** Seed of the provider's declines and delays. */
  readonly seed: number
  readonly declineRatio: number
  /** Hears of the shop as soon as it is open. */
  readonly onOpen: (shop: Shop) => void
}

/** The shop as a system of the platform: behind the gateway, in the picture, in the admin API. */
export function shopSystem(options: ShopSystemOptions): SystemModule {
  return {
    name: 'shop',
    async start(context) {
      const { dataDir, clock, random, logger } = context
      const provider = { seed: options.seed, declineRatio: options.declineRatio }
      const shop = await openShop({ dataDir, clock, random, logger, provider })
      try {
        await context.expose({
          backends: Object.fromEntries(
            shop.endpoints.map(({ service, url }) => [`shop/${service}`, [url]]),
          ),
          routes: shop.routes as unknown as readonly HttpRoute[],
        })
      } catch (error) {
        await shop.close()
        throw error
      }
      options.onOpen(shop)
      return runningShop(shop)
    },
  }
}

function runningShop(shop: Shop): RunningSystem {
  return {
    name: 'shop',
    async picture() {
      return shopPicture(await shop.status())
    },
    totals: () => shop.counts(),
    latestOrders: async (limit) =>
      (await shop.latest(limit)) as readonly unknown[] as readonly OrderLine[],
    async followOrder(id) {
      const found = await shop.order(id)
      if (found === undefined) return undefined
      const { requestId, timeline, ...view } = found
      return { requestId, timeline, view }
    },
    eventStores: { shop: shop.events },
    sagas: { shop: shop.sagas },
    invariants: (): Promise<readonly Invariant[]> => shop.invariants(),
    idle: () => shop.idle(),
    close: () => shop.close(),
    [Symbol.asyncDispose]: () => shop.close(),
  }
}

/** The shop's part of the picture of the design: services, saga, provider, events and read models. */
export function shopPicture(status: ShopStatus): Picture {
  const lag = Math.max(0, ...status.projections.map((projection) => projection.lag))
  const stopped = status.projections.some((projection) => projection.state === 'stopped')
  const service = (id: string): PictureNode => {
    const database = status.databases[id]
    const readOnly = database?.readOnly ?? null
    return {
      id,
      kind: 'service',
      label: id,
      state: readOnly === null ? 'ok' : 'down',
      facts: { commits: database?.commits ?? 0 },
    }
  }
  const { counts } = status
  const { placed } = counts
  const commits = status.databases['order']?.commits ?? 0
  return {
    nodes: [
      service('order'),
      service('catalogue'),
      service('stock'),
      service('payment'),
      {
        id: 'events',
        kind: 'store',
        label: 'events',
        state: 'ok',
        facts: {
          position: Math.max(0, ...status.projections.map((one) => one.position + one.lag)),
        },
      },
      {
        id: 'saga',
        kind: 'saga',
        label: 'saga',
        state: counts.stuck > 0 ? 'warn' : 'ok',
        facts: { pending: counts.pending, commits },
      },
      { id: 'provider', kind: 'provider', label: 'provider', state: 'ok', facts: {} },
      {
        id: 'read-models',
        kind: 'projection',
        label: 'read models',
        state: stopped ? 'down' : 'ok',
        facts: { lag },
      },
    ],
    edges: [
      ...status.edges,
      internal('order', 'events', placed),
      internal('order', 'saga', placed),
      internal('payment', 'provider', edgeTotal(status, 'payment')),
      internal(
        'events',
        'read-models',
        Math.max(0, ...status.projections.map((one) => one.position)),
      ),
    ],
  }
}

/** An edge inside a transaction or a process: counted, but without a time of its own. */
function internal(from: string, to: string, total: number): PictureEdge {
  return { from, to, total, errors: 0, p99Ms: null }
}

function edgeTotal(status: ShopStatus, to: string): number {
  return status.edges.find((edge) => edge.to === to)?.total ?? 0
}
