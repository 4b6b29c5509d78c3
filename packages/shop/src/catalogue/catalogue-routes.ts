import { readLimit } from '../http/query.ts'
import type { ServiceAnswer, ServiceRoute } from '../http/server.ts'
import {
  type ItemRequest,
  readRequest,
  requestInvalid,
  requestSchemas,
  skuSchema,
} from '../order/order-request.ts'
import type { CatalogueService } from './catalogue-service.ts'

/** The HTTP API of the catalogue service. */
export function catalogueRoutes(catalogue: CatalogueService): readonly ServiceRoute[] {
  return [
    {
      method: 'GET',
      path: '/catalogue',
      async handle({ query }): Promise<ServiceAnswer> {
        const limit = readLimit(query, 50, 500)
        const items = await catalogue.list(limit, (query.get('after') ?? '').slice(0, 64))
        const next = items.length === limit ? (items.at(-1)?.sku ?? null) : null
        return { status: 200, body: { items, next } }
      },
    },
    {
      method: 'PUT',
      path: '/catalogue/:sku',
      async handle({ params, body }): Promise<ServiceAnswer> {
        const sku = skuSchema.validate(params['sku'])
        if (!sku.ok) {
          throw requestInvalid(sku.problems.map((problem) => ({ ...problem, path: '/sku' })))
        }
        const { available, ...item } = readRequest(requestSchemas.item, body)
        const request: ItemRequest = available === undefined ? item : { ...item, available }
        const { item: saved, created } = await catalogue.put(sku.value, request)
        return { status: created ? 201 : 200, body: saved }
      },
    },
  ]
}
