import { type Channel, type Handlers, RpcError } from '@tidemill/rpc'
import { StockService as StockServiceDescriptor } from '../gen/tidemill/shop/v1/stock_pb.ts'
import type { HopLog } from '../hop-log.ts'
import type { MoveKind } from '../stock/stock-participant.ts'
import type { StockPort } from '../stock/stock-service.ts'
import { answerService, callService } from './rpc-call.ts'
import { stepDestination, stepHandler } from './step-call.ts'

export { StockServiceDescriptor }

export function stockHandlers(stock: StockPort): Handlers<typeof StockServiceDescriptor> {
  return {
    step: stepHandler(stock.destination),
    count: ({ sku, available }, { signal }) =>
      answerService(async () => {
        const wanted = available === undefined ? null : Number(available)
        return { available: BigInt(await stock.count(sku, wanted, { signal })) }
      }),
    available: ({ skus }) =>
      answerService(async () => {
        const found = await stock.available(skus)
        return { available: Object.fromEntries([...found].map(([sku, n]) => [sku, BigInt(n)])) }
      }),
    moves: ({ orderId }) =>
      answerService(async () => {
        const moves = await stock.moves(orderId)
        return {
          moves: moves.map(({ sku, quantity, direction, at }) => ({
            sku,
            quantity: BigInt(quantity),
            direction,
            at: BigInt(at),
          })),
        }
      }),
  }
}

/** The stock service behind a channel; `from` is who calls. */
export function stockClient(channel: Channel, hops: HopLog, from: string): StockPort {
  const client = channel.client(StockServiceDescriptor)
  const hop = (call: string): { from: string; to: string; call: string } => ({
    from,
    to: 'stock',
    call,
  })
  return {
    destination: stepDestination(hops, 'stock', client.step),
    async count(sku, available, { signal } = {}) {
      const request = { sku, ...(available === null ? {} : { available: BigInt(available) }) }
      const answer = await callService(hops, hop('Count'), { signal }, (options) =>
        client.count(request, options),
      )
      return Number(answer.available)
    },
    async available(skus) {
      const { available } = await callService(hops, hop('Available'), {}, (options) =>
        client.available({ skus: [...skus] }, options),
      )
      return new Map(Object.entries(available).map(([sku, n]) => [sku, Number(n)]))
    },
    async moves(orderId) {
      const { moves } = await callService(hops, hop('Moves'), {}, (options) =>
        client.moves({ orderId }, options),
      )
      return moves.map(({ sku, quantity, direction, at }) => ({
        sku,
        quantity: Number(quantity),
        direction: moveKind(direction),
        at: Number(at),
      }))
    },
  }
}

function moveKind(direction: string): MoveKind {
  if (direction === 'deduct' || direction === 'undo' || direction === 'restock') return direction
  throw new RpcError('INTERNAL', `the stock service knows a move "${direction}" that we do not`)
}
