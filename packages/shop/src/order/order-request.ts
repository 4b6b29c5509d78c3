import { type Problem, type Schema, schema } from '@tidemill/core'
import { shopErrors } from '../errors.ts'
import { isCurrency, largestAmount, type Minor } from '../money.ts'
import { orderLimits } from '../retail/rules.ts'
import { type OrderLine, orderTotal, type OrderRequest } from './order.ts'

/** An id of ours or of the client; it is part of stream names, saga keys and file lines. */
export const idPattern: RegExp = /^[A-Za-z0-9][\w.-]{0,59}$/u
export const skuPattern: RegExp = /^[A-Za-z0-9][\w.-]{0,31}$/u

// Control characters would travel into logs, files and terminals.
const textPattern = /^\P{Cc}*$/u
const momentPattern = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/u

/** The moment in UTC with `Z`, whole milliseconds; undefined for what is not an RFC 3339 moment of 1990 to 2100. */
export function readMoment(text: string): string | undefined {
  const match = momentPattern.exec(text)
  if (match === null) return undefined
  const [, day = '', time = '', fraction = '', zone = ''] = match
  const local = new Date(`${day}T${time}Z`)
  // Date moves 31 February into March; such a day is not one. A leap second is refused with it.
  if (Number.isNaN(local.getTime()) || !local.toISOString().startsWith(`${day}T${time}`)) {
    return undefined
  }
  const at = new Date(`${day}T${time}${fraction.slice(0, 4)}${zone.toUpperCase()}`)
  if (Number.isNaN(at.getTime())) return undefined
  const year = at.getUTCFullYear()
  return year < 1990 || year > 2100 ? undefined : at.toISOString().replace('.000Z', 'Z')
}

const moment = schema
  .string({ max: 40 })
  .refine(
    (text) => readMoment(text) !== undefined,
    'an RFC 3339 moment such as 2011-11-01T08:16:00Z',
  )
  .describe('RFC 3339 with a zone, from 1990 to 2100')

export const currencySchema: Schema<string, string> = schema
  .string({ max: 3, pattern: /^[A-Z]{3}$/u })
  .refine(isCurrency, 'an ISO 4217 currency code such as GBP')
  .describe('ISO 4217')

export const skuSchema: Schema<string, string> = schema
  .string({ max: 32, pattern: skuPattern })
  .describe('Stock code of the catalogue')

const label = schema.string({ max: 256, pattern: textPattern })
const quantity = schema.integer({ min: 1, max: orderLimits.quantity })

/** What POST /orders/ID/cancel takes. */
export interface CancelRequest {
  readonly placedAt?: string
  /** Units to give back; left out, all that is left of the order. */
  readonly lines?: readonly Pick<OrderLine, 'sku' | 'quantity'>[]
}

/** An item as PUT /catalogue/SKU takes it. */
export interface ItemRequest {
  readonly description: string
  /** List price in minor units; an order charges the price of its own lines. */
  readonly unitPrice: Minor
  readonly currency: string
  /** Units that are there from now on; left out, the number stays (0 for a new item). */
  readonly available?: number
}

/** The body of POST /orders. */
const orderSchema: Schema<OrderRequest> = schema.object({
  id: schema.string({ max: 60, pattern: idPattern }).describe('Made when left out').optional(),
  customer: schema.string({ min: 1, max: 64, pattern: textPattern }),
  country: schema.string({ min: 1, max: 64, pattern: textPattern }),
  currency: currencySchema,
  placedAt: moment,
  lines: schema.array(
    schema.object({
      sku: skuSchema,
      description: label.optional(),
      quantity,
      unitPrice: schema
        .integer({ min: 1, max: orderLimits.unitPrice })
        .describe('Minor units; this price is charged, whatever the catalogue lists'),
    }),
    { min: 1, max: orderLimits.lines },
  ),
})

/** The body of POST /orders/ID/cancel, which may be left out. */
const cancelSchema: Schema<CancelRequest> = schema.object({
  placedAt: moment.describe('When it was cancelled; the refund counts on that day').optional(),
  lines: schema
    .array(schema.object({ sku: skuSchema, quantity }), { min: 1, max: orderLimits.lines })
    .describe('Units to give back; left out, all that is left of the order')
    .optional(),
})

/** The body of PUT /catalogue/SKU. */
const itemSchema: Schema<ItemRequest> = schema.object({
  description: schema.string({ min: 1, max: 256, pattern: textPattern }),
  unitPrice: schema.integer({ min: 0, max: orderLimits.unitPrice }).describe('Minor units'),
  currency: currencySchema,
  available: schema
    .integer({ min: 0, max: 1_000_000_000 })
    .describe('Units there from now on; left out, the number stays (0 for a new item)')
    .optional(),
})

export const requestSchemas: {
  readonly order: Schema<OrderRequest>
  readonly cancel: Schema<CancelRequest>
  readonly item: Schema<ItemRequest>
} = { order: orderSchema, cancel: cancelSchema, item: itemSchema }

/** The checked value; TM_SHOP_REQUEST_INVALID with every problem. */
export function readRequest<T>(shape: Schema<T>, value: unknown): T {
  const result = shape.validate(value)
  if (result.ok) return result.value
  throw requestInvalid(result.problems)
}

export function requestInvalid(problems: readonly Problem[]): Error {
  return shopErrors.error('TM_SHOP_REQUEST_INVALID', { count: problems.length, problems })
}

/** Reads the body of POST /orders; the moment comes out in UTC. */
export function readOrder(value: unknown): OrderRequest {
  const { id, lines, placedAt, ...rest } = readRequest(orderSchema, value)
  const total = orderTotal(lines)
  if (total > largestAmount) {
    throw requestInvalid([
      {
        path: '/lines',
        message: 'the total is too large',
        received: String(total),
        expected: `at most ${largestAmount}`,
      },
    ])
  }
  return {
    ...(id === undefined ? {} : { id }),
    ...rest,
    placedAt: readMoment(placedAt) ?? placedAt,
    lines,
  }
}
