import {
  type Clock,
  type Closable,
  createCloseStack,
  type Logger,
  parseDuration,
  type Problem,
  type Random,
  realClock,
  realRandom,
  silentLogger,
} from '@tidemill/core'
import type { EventStore } from '@tidemill/events'
import { failureName } from '@tidemill/rpc'
import type { Sagas } from '@tidemill/saga'
import type { DatabaseStatus } from '@tidemill/sql'
import { catalogueRoutes } from './catalogue/catalogue-routes.ts'
import { openCatalogue } from './catalogue/catalogue-service.ts'
import { type OpenDatabase, openDatabases } from './databases.ts'
import { createEdgeMeter, type EdgeCounters, meterDestination } from './edge-meter.ts'
import { shopErrors } from './errors.ts'
import { makeFolder } from './files.ts'
import { type FollowedOrder, followOrder } from './followed-order.ts'
import { listen } from './http/server.ts'
import { openApiDocument } from './http/openapi.ts'
import { createHopLog } from './hop-log.ts'
import { checkInvariants, type Invariant } from './invariants.ts'
import type { OrderState } from './order/order.ts'
import { orderRoutes } from './order/order-routes.ts'
import { openOrders } from './order/order-service.ts'
import { createReadSide } from './order/read-side.ts'
import { createPayment } from './payment/payment-service.ts'
import { type Bill, openProvider, type ProviderOptions } from './provider/provider.ts'
import { type RouteObject, shopRoutes } from './routes.ts'
import { createServiceNetwork } from './rpc/service-network.ts'
import type { ServiceContext } from './service-context.ts'
import { createStock } from './stock/stock-service.ts'

export interface ShopOptions {
  /** Folder of the databases and the bills; made when it is missing. */
  readonly dataDir: string
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  readonly provider?: ProviderOptions
  /** How each database is opened; for tests that open them with faults. Default `openDatabase` of sql. */
  readonly openDatabase?: OpenDatabase
}

/** A row of the list of latest orders. */
export interface LatestOrder {
  readonly id: string
  readonly customer: string
  readonly country: string
  readonly state: OrderState
  readonly total: { readonly amount: number; readonly currency: string }
  readonly placedAt: string
  /** When it was acknowledged, in milliseconds. */
  readonly at: number
  readonly sagaState: string
}

/** Ends of orders: confirmed (given back later or not), refused and undone, or in need of a person. */
export interface OrderOutcome {
  readonly confirmed: number
  readonly compensated: number
  readonly stuck: number
}

export interface OrderCounts {
  readonly placed: number
  readonly pending: number
  readonly confirmed: number
  readonly cancelled: number
  readonly stuck: number
}

export interface ShopStatus {
  readonly databases: Readonly<Record<string, DatabaseStatus>>
  readonly projections: readonly {
    readonly name: string
    readonly position: number
    readonly lag: number
    readonly state: string
  }[]
  readonly edges: readonly EdgeCounters[]
  readonly counts: OrderCounts
}

/** The running shop: four services, each with its own database, and the payment provider's stand-in. */
export interface Shop extends Closable {
  /** Where the services listen, on loopback. */
  readonly endpoints: readonly { readonly service: string; readonly url: string }[]
  /** HTTPRoute objects for a gateway. */
  readonly routes: readonly RouteObject[]
  readonly events: EventStore
  readonly sagas: Sagas
  /** One order across all services; undefined when there is none. */
  order(id: string): Promise<FollowedOrder | undefined>
  /** The orders acknowledged last, newest first. */
  latest(limit: number): Promise<readonly LatestOrder[]>
  counts(): Promise<OrderCounts>
  /** What became of these orders. */
  outcome(ids: readonly string[]): Promise<OrderOutcome>
  /** What was charged and kept, by currency: confirmed minus refunded, in minor units. */
  revenue(): Promise<Readonly<Record<string, number>>>
  /** Checks the books; meant for a shop at rest. */
  invariants(): Promise<readonly Invariant[]>
  /** Resolves when every order has come to its end and the read models are up to date. */
  idle(): Promise<void>
  /** The provider's bills by day, up to date. */
  statements(): Promise<readonly Bill[]>
  status(): Promise<ShopStatus>
}

interface LatestRow {
  readonly id: string
  readonly customer: string
  readonly country: string
  readonly currency: string
  readonly state: OrderState
  readonly total: number
  readonly placedAt: string
  readonly at: number
}

/**
 * Opens the shop on a data folder and goes on where it was closed or killed. TM_SHOP_OPTION_INVALID names every bad
 * option; a database that cannot be used gives its own code, and nothing stays open.
 */
export async function openShop(options: ShopOptions): Promise<Shop> {
  checkOptions(options)
  const { dataDir, clock = realClock, random = realRandom, logger = silentLogger } = options
  const context: ServiceContext = { clock, random, logger, dataDir }
  const stack = createCloseStack()
  try {
    await makeFolder(dataDir)
    const databases = stack.add(await openDatabases(context, options.openDatabase))
    const provider = stack.add(await openProvider(databases.provider, context, options.provider))
    const hops = createHopLog({ clock, statusOf: failureName })
    const stock = createStock(databases.stock, hops)
    const payment = createPayment(databases.payment, provider, { hops, clock })
    const rpc = stack.add(createServiceNetwork(hops, logger))
    await rpc.serveStock(stock)
    await rpc.servePayment(payment)
    const catalogue = await openCatalogue(databases.catalogue, rpc.stock('catalogue'))
    await rpc.serveCatalogue(catalogue)
    const [stockOfOrder, paymentOfOrder] = [rpc.stock('order'), rpc.payment('order')]
    const toStock = createEdgeMeter('saga', 'stock', clock)
    const toPayment = createEdgeMeter('saga', 'payment', clock)
    const orders = stack.add(
      await openOrders(databases.order, context, {
        stock: meterDestination(stockOfOrder.destination, toStock),
        payment: meterDestination(paymentOfOrder.destination, toPayment),
        catalogue: rpc.catalogue('order'),
        hops,
      }),
    )
    const reads = createReadSide(orders)
    const document = openApiDocument()
    const openApi = {
      method: 'GET',
      path: '/openapi.json',
      handle: () => ({ status: 200, body: document }),
    } as const
    const orderServer = stack.add(await listen([...orderRoutes(orders, reads), openApi], context))
    const catalogueServer = stack.add(await listen(catalogueRoutes(catalogue), context))
    const { database } = orders

    const stuckIds = async (): Promise<ReadonlySet<string>> => {
      const ids = new Set<string>()
      for (let before: string | undefined = ''; before !== undefined; ) {
        const page = await orders.sagas.list({
          state: 'stuck',
          limit: 1000,
          ...(before === '' ? {} : { before }),
        })
        for (const { type, bizKey } of page) if (type === 'order') ids.add(bizKey)
        before = page.at(-1)?.id
      }
      return ids
    }
    // A saga can be stuck after its order was confirmed; that order is confirmed.
    const stuckAmong = async (ids: readonly string[]): Promise<number> => {
      let count = 0
      for (let i = 0; i < ids.length; i += 500) {
        const part = ids.slice(i, i + 500)
        const [row] = await database.query<{ count: number }>(
          `SELECT count(*) AS count FROM shop_order
            WHERE state = 'pending' AND id IN (${part.map(() => '?').join(', ')})`,
          ...part,
        )
        count += row?.count ?? 0
      }
      return count
    }

    const shop: Shop = {
      endpoints: [
        { service: 'order', url: orderServer.url },
        { service: 'catalogue', url: catalogueServer.url },
      ],
      routes: shopRoutes,
      events: orders.events,
      sagas: orders.sagas,
      order: (id) =>
        followOrder(id, { orders, reads, hops, payment: paymentOfOrder, stock: stockOfOrder }),
      async latest(limit) {
        const rows = await database.query<LatestRow>(
          `SELECT id, customer, country, currency, state, total, placed_at AS "placedAt", at
            FROM shop_order ORDER BY at DESC, id DESC LIMIT ?`,
          limit,
        )
        const stuck = await stuckIds()
        return rows.map((row) => {
          const { id, customer, country, placedAt, at, currency } = row
          const state = stuck.has(id) && row.state === 'pending' ? 'stuck' : row.state
          const total = { amount: row.total, currency }
          return { id, customer, country, state, total, placedAt, at, sagaState: sagaStates[state] }
        })
      },
      async counts() {
        const stuck = await stuckAmong([...(await stuckIds())])
        const rows = await database.query<{ state: OrderState; count: number }>(
          'SELECT state, count(*) AS count FROM shop_order GROUP BY state',
        )
        const by = new Map(rows.map((row) => [row.state, row.count]))
        // One that came to its end between the two looks is no longer among the pending.
        const pending = Math.max(0, (by.get('pending') ?? 0) - stuck)
        const confirmed = by.get('confirmed') ?? 0
        const cancelled = by.get('cancelled') ?? 0
        return {
          placed: pending + stuck + confirmed + cancelled,
          pending,
          confirmed,
          cancelled,
          stuck,
        }
      },
      async outcome(ids) {
        const stuck = await stuckIds()
        const outcome = { confirmed: 0, compensated: 0, stuck: 0 }
        for (let i = 0; i < ids.length; i += 500) {
          const part = ids.slice(i, i + 500)
          const [row] = await database.query<Omit<OrderOutcome, 'stuck'>>(
            `SELECT coalesce(sum(confirmed), 0) AS confirmed,
                coalesce(sum(confirmed = 0 AND state = 'cancelled'), 0) AS compensated
              FROM shop_order WHERE id IN (${part.map(() => '?').join(', ')})`,
            ...part,
          )
          outcome.confirmed += row?.confirmed ?? 0
          outcome.compensated += row?.compensated ?? 0
        }
        outcome.stuck = await stuckAmong(ids.filter((id) => stuck.has(id)))
        return outcome
      },
      async revenue() {
        const rows = await database.query<{ currency: string; amount: number }>(
          `SELECT currency, sum(total - refunded) AS amount FROM shop_order
            WHERE confirmed = 1 GROUP BY currency ORDER BY currency`,
        )
        return Object.fromEntries(rows.map(({ currency, amount }) => [currency, amount]))
      },
      invariants: () => checkInvariants({ orders, payment, stock, provider }),
      idle: () => orders.idle(),
      statements: () => provider.bills(),
      async status() {
        return {
          databases: {
            order: databases.order.status(),
            stock: databases.stock.status(),
            payment: databases.payment.status(),
            catalogue: databases.catalogue.status(),
            provider: databases.provider.status(),
          },
          projections: await Promise.all(
            orders.projections.map(async (projection) => ({
              name: projection.name,
              position: projection.position,
              lag: await projection.lag(),
              state: projection.state,
            })),
          ),
          edges: [toStock.counters(), toPayment.counters()],
          counts: await shop.counts(),
        }
      },
      close: () => stack.close(),
      [Symbol.asyncDispose]: () => shop.close(),
    }
    return shop
  } catch (error) {
    await stack.close()
    throw error
  }
}

/** What the order's state says of its saga, without a look at each. */
const sagaStates: Readonly<Record<OrderState, string>> = {
  pending: 'running',
  confirmed: 'completed',
  cancelled: 'compensated',
  stuck: 'stuck',
}

function checkOptions({ dataDir, provider = {} }: ShopOptions): void {
  const problems: Problem[] = []
  const { declineRatio = 0, delay = '0s', seed = 0 } = provider
  if (dataDir === '') problems.push({ path: '/dataDir', message: 'is empty' })
  if (!(declineRatio >= 0 && declineRatio <= 1)) {
    const received = String(declineRatio)
    problems.push({ path: '/provider/declineRatio', message: 'must be from 0 to 1', received })
  }
  if (!Number.isSafeInteger(seed)) {
    problems.push({ path: '/provider/seed', message: 'must be an integer', received: String(seed) })
  }
  try {
    parseDuration(delay)
  } catch {
    const expected = "a duration such as '2ms'"
    problems.push({
      path: '/provider/delay',
      message: 'is not a duration',
      received: delay,
      expected,
    })
  }
  if (problems.length > 0) throw shopErrors.error('TM_SHOP_OPTION_INVALID', { problems })
}
