import { createHash } from 'node:crypto'
import { type Closable, createCloseStack, createUuid7, type Deadline } from '@tidemill/core'
import { type EventStore, openEventStore, type Processor } from '@tidemill/events'
import { type Destination, openSagas, type Sagas } from '@tidemill/saga'
import type { Database } from '@tidemill/sql'
import { shopErrors } from '../errors.ts'
import type { HopLog } from '../hop-log.ts'
import type { Minor } from '../money.ts'
import type { CataloguePort } from '../rpc/catalogue-rpc.ts'
import type { ServiceContext } from '../service-context.ts'
import { dayOf, type OrderLine, type OrderRequest, type OrderState, unitsOf } from './order.ts'
import { orderStep } from './order-participant.ts'
import { customerOrders, dailyRevenue } from './order-projections.ts'
import { orderSaga, refundSaga } from './order-saga.ts'
import type { CancelRequest } from './order-request.ts'
import { placeOrder } from './place-order.ts'
import { requestRefund } from './refund-order.ts'

/** What the order service needs of the other services. */
export interface OrderPorts {
  readonly stock: Destination
  readonly payment: Destination
  readonly catalogue: CataloguePort
  readonly hops: HopLog
}

/** The request that an order or a refund came with. */
export interface RequestScope {
  /** Its x-request-id. */
  readonly requestId?: string | undefined
  /** How long its caller waits. */
  readonly deadline?: Deadline | undefined
  /** Aborts when that is over. */
  readonly signal?: AbortSignal | undefined
}

/** A row of the order page. */
export interface OrderPage {
  readonly id: string
  readonly customer: string
  readonly country: string
  readonly currency: string
  readonly state: OrderState
  readonly total: Minor
  readonly refunded: Minor
  readonly placedAt: string
  /** When it was acknowledged, in milliseconds. */
  readonly at: number
  readonly lines: readonly OrderLine[]
}

/** Takes orders and carries them to their end; its database is `order.db`, with events, sagas and read models. */
export interface OrderService extends Closable {
  readonly database: Database
  readonly events: EventStore
  readonly sagas: Sagas
  readonly projections: readonly Processor[]
  /**
   * Gives the order's id once it is durable; a repeat of key and order gives the same id. TM_SHOP_DEADLINE when the
   * caller's time was over first: whether the order was taken is not known then.
   */
  place(key: string, order: OrderRequest, scope?: RequestScope): Promise<string>
  /** Gives units back, or all of it; `key` makes a repeat safe and may be empty when all is given back. */
  cancel(
    id: string,
    key: string,
    request: CancelRequest,
  ): Promise<{ readonly id: string; readonly state: OrderState }>
  page(id: string): Promise<OrderPage | undefined>
  /** Resolves when every saga has ended, nothing waits to be sent and the read models are up to date. */
  idle(): Promise<void>
}

interface PageRow extends Omit<OrderPage, 'lines' | 'placedAt'> {
  readonly placed_at: string
  readonly lines: string
}

export async function openOrders(
  database: Database,
  context: ServiceContext,
  ports: OrderPorts,
): Promise<OrderService> {
  const { clock, random, logger } = context
  const stack = createCloseStack()
  try {
    const events = stack.add(await openEventStore({ database, clock, random, logger }))
    const projections = [events.run(customerOrders), events.run(dailyRevenue)]
    const order: Destination = async (request) => {
      const { answer, started } = await database.call(orderStep, request)
      for (const saga of started) sagas.deliver(saga)
      return answer
    }
    const sagas = stack.add(
      await openSagas({
        database,
        definitions: [orderSaga, refundSaga],
        destinations: { stock: ports.stock, payment: ports.payment, order },
        clock,
        random,
        logger,
      }),
    )
    const nextId = createUuid7(clock, random)

    const service: OrderService = {
      database,
      events,
      sagas,
      projections,
      async place(key, request, { requestId, deadline, signal } = {}) {
        const left = (): number | undefined => deadline?.left()
        const unknown = await ports.catalogue.unknown(
          request.lines.map((line) => line.sku),
          { key: requestId, timeoutMs: left(), signal },
        )
        if (unknown.length > 0) throw unknownSkus(request, unknown)
        const { id: given, ...rest } = request
        const digest = digestOf({ id: given ?? null, ...rest })
        const input = {
          key,
          digest,
          id: given ?? nextId(),
          order: request,
          requestId: requestId ?? null,
        }
        const hop = { from: 'order', to: 'order.db', call: 'place', leftMs: left() }
        const { id, started } = await ports.hops.follow(requestId, hop, () =>
          untilDeadline(
            signal,
            database.call(placeOrder, input, signal === undefined ? {} : { signal }),
          ),
        )
        if (started !== null) sagas.deliver(started)
        return id
      },
      async cancel(orderId, key, { lines, placedAt }) {
        const units = lines === undefined ? null : unitsOf(lines)
        const { id, state, started } = await database.call(requestRefund, {
          orderId,
          refundId: nextId(),
          key,
          // Without a key, giving back all that is left is always the same request.
          digest: key === '' ? '' : digestOf({ units, placedAt: placedAt ?? null }),
          units,
          day: dayOf(placedAt ?? new Date(clock.now()).toISOString()),
        })
        if (started !== null) sagas.deliver(started)
        return { id, state }
      },
      async page(id) {
        const [row] = await database.query<PageRow>(
          `SELECT id, customer, country, currency, state, total, refunded, placed_at, at, lines
            FROM shop_order WHERE id = ?`,
          id,
        )
        if (row === undefined) return undefined
        const { placed_at: placedAt, lines, ...rest } = row
        return { ...rest, placedAt, lines: JSON.parse(lines) as OrderLine[] }
      },
      async idle() {
        await sagas.idle()
        for (const projection of projections) await projection.idle()
      },
      close: () => stack.close(),
      [Symbol.asyncDispose]: () => service.close(),
    }
    return service
  } catch (error) {
    await stack.close()
    throw error
  }
}

/** A write whose caller's time is over has an unknown outcome, and says so. */
async function untilDeadline<T>(signal: AbortSignal | undefined, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw signal?.aborted === true && error === signal.reason
      ? shopErrors.error('TM_SHOP_DEADLINE', {}, { cause: error })
      : error
  }
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64')
}

function unknownSkus(order: OrderRequest, unknown: readonly string[]): Error {
  const codes = new Set(unknown)
  const problems = order.lines.flatMap(({ sku }, i) =>
    codes.has(sku)
      ? [{ path: `/lines/${i}/sku`, message: 'is not in the catalogue', received: sku }]
      : [],
  )
  return shopErrors.error('TM_SHOP_SKU_UNKNOWN', {
    count: codes.size,
    problems: problems.slice(0, 100),
  })
}
