import { type JsonSchema, problemContentType } from '@tidemill/core'
import { requestSchemas } from '../order/order-request.ts'
import { bodyLimit } from './server.ts'

const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` })
const text: JsonSchema = { type: 'string' }
const whole: JsonSchema = { type: 'integer' }
const moment: JsonSchema = { type: 'string', format: 'date-time' }
const orderStates: JsonSchema = { enum: ['pending', 'confirmed', 'cancelled', 'stuck'] }

function object(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: string[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required }
}

const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items })

const money = object({ amount: { ...whole, description: 'Minor units' }, currency: text })

const components: Readonly<Record<string, JsonSchema>> = {
  OrderRequest: bare(requestSchemas.order.jsonSchema()),
  CancelRequest: bare(requestSchemas.cancel.jsonSchema()),
  ItemRequest: bare(requestSchemas.item.jsonSchema()),
  Accepted: object({ id: text, state: orderStates }),
  Order: object({
    id: text,
    state: orderStates,
    total: money,
    lines: list(
      object({ sku: text, description: text, quantity: whole, unitPrice: whole }, ['description']),
    ),
    saga: object({
      id: text,
      state: text,
      steps: list(object({ name: text, state: text, attempts: whole })),
    }),
    events: list(
      object({ position: whole, version: whole, type: text, at: moment, data: { type: 'object' } }),
    ),
  }),
  History: object({
    items: list(
      object({
        id: text,
        state: orderStates,
        total: money,
        refunded: whole,
        country: text,
        placedAt: moment,
      }),
    ),
    next: { type: ['string', 'null'], description: 'Give it as `after` for the next page' },
  }),
  Revenue: object({
    day: { type: 'string', format: 'date' },
    countries: list(
      object({
        country: text,
        currency: text,
        orders: whole,
        units: whole,
        sold: { ...whole, description: 'Confirmed orders placed that day, minor units' },
        refunded: { ...whole, description: 'Refunds that count on that day, minor units' },
      }),
    ),
  }),
  Item: object({
    sku: text,
    description: text,
    unitPrice: whole,
    currency: text,
    available: whole,
  }),
  Catalogue: object({ items: list(ref('Item')), next: { type: ['string', 'null'] } }),
  Problem: object(
    {
      type: text,
      title: text,
      status: whole,
      detail: text,
      instance: text,
      code: { type: 'string', pattern: '^TM_[A-Z0-9_]+$' },
      hint: text,
      retryable: { type: 'boolean' },
      problems: list(
        object({ path: text, message: text, received: text, expected: text }, [
          'received',
          'expected',
        ]),
      ),
    },
    ['instance', 'hint', 'problems'],
  ),
}

/** A schema for use inside another document. */
function bare(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema'))
}

interface Operation {
  readonly summary: string
  readonly parameters?: readonly JsonSchema[]
  readonly body?: { readonly schema: string; readonly required: boolean }
  readonly answers: Readonly<Record<number, readonly [schema: string, description: string]>>
  /** Statuses answered with a problem document. */
  readonly problems: readonly number[]
}

const query = (name: string, schema: JsonSchema, description: string): JsonSchema => ({
  name,
  in: 'query',
  schema,
  description,
})
const inPath = (name: string): JsonSchema => ({ name, in: 'path', required: true, schema: text })
const key = (required: boolean, description: string): JsonSchema => ({
  name: 'Idempotency-Key',
  in: 'header',
  required,
  schema: { type: 'string', minLength: 1, maxLength: 128 },
  description,
})

const bodyProblems = [400, 413, 415, 422] as const

/** Every operation of the shop by path and method; the handlers are tested against it. */
const operations: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  '/orders': {
    post: {
      summary: 'Place an order; acknowledged when it is durable',
      parameters: [key(true, 'New for each order, the same for each repeat of it')],
      body: { schema: 'OrderRequest', required: true },
      answers: { 202: ['Accepted', 'Accepted; Location leads to the order'] },
      problems: [...bodyProblems, 409],
    },
  },
  '/orders/{id}': {
    get: {
      summary: 'One order with its saga and its events',
      parameters: [inPath('id')],
      answers: { 200: ['Order', 'The order'] },
      problems: [404],
    },
  },
  '/orders/{id}/cancel': {
    post: {
      summary: 'Give an order back, or units of it: the money is refunded, the goods are restocked',
      parameters: [
        inPath('id'),
        key(false, 'Required with `lines`; giving all back can be repeated without'),
      ],
      body: { schema: 'CancelRequest', required: false },
      answers: {
        200: ['Accepted', 'The order is cancelled already'],
        202: ['Accepted', 'Accepted; of a pending order it takes effect once that is confirmed'],
      },
      problems: [...bodyProblems, 404, 409],
    },
  },
  '/customers/{customer}/orders': {
    get: {
      summary: 'Orders of a customer, newest first',
      parameters: [
        inPath('customer'),
        query('after', text, '`next` of the page before'),
        query('limit', { type: 'integer', minimum: 1, maximum: 200, default: 50 }, 'Rows'),
      ],
      answers: { 200: ['History', 'A page of the history'] },
      problems: [422],
    },
  },
  '/reports/revenue': {
    get: {
      summary: 'Revenue of a day by country',
      parameters: [
        { ...query('day', { type: 'string', format: 'date' }, 'In UTC'), required: true },
      ],
      answers: { 200: ['Revenue', 'The report'] },
      problems: [422],
    },
  },
  '/catalogue': {
    get: {
      summary: 'What is sold, by stock code',
      parameters: [
        query('limit', { type: 'integer', minimum: 1, maximum: 500, default: 50 }, 'Items'),
        query('after', text, '`next` of the page before'),
      ],
      answers: { 200: ['Catalogue', 'A page of items'] },
      problems: [422],
    },
  },
  '/catalogue/{sku}': {
    put: {
      summary: 'Add or change an item and set its stock',
      parameters: [inPath('sku')],
      body: { schema: 'ItemRequest', required: true },
      answers: { 200: ['Item', 'Changed'], 201: ['Item', 'Added'] },
      problems: [...bodyProblems],
    },
  },
  '/openapi.json': {
    get: { summary: 'This document', answers: { 200: ['', 'OpenAPI 3.1'] }, problems: [] },
  },
}

const content = (name: string, type: string): JsonSchema => ({
  [type]: { schema: name === '' ? { type: 'object' } : ref(name) },
})

/** Whatever else goes wrong: a full disk (507), an overload or a database that takes no writes (503). */
const failed: JsonSchema = {
  description: 'Failed, with its code; `retryable` says whether to try again',
  content: content('Problem', problemContentType),
}

function renderOperation(operation: Operation): JsonSchema {
  const { summary, parameters, body, answers, problems } = operation
  const good = Object.entries(answers).map(([status, [name, description]]) => [
    status,
    { description, content: content(name, 'application/json') },
  ])
  const bad = problems.map((status) => [
    String(status),
    { description: 'Refused, with its code', content: content('Problem', problemContentType) },
  ])
  return {
    summary,
    ...(parameters === undefined ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.required,
            content: content(body.schema, 'application/json'),
          },
        }),
    responses: Object.fromEntries([...good, ...bad, ['default', failed]]) as JsonSchema,
  }
}

/** The OpenAPI 3.1 document of the shop. */
export function openApiDocument(): JsonSchema {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tidemill shop',
      version: '1',
      description: `Orders, customers, reports and the catalogue. Money is an integer in minor units. Bodies are JSON of at most ${bodyLimit} bytes; unknown keys are refused.`,
    },
    paths: Object.fromEntries(
      Object.entries(operations).map(([path, methods]) => [
        path,
        Object.fromEntries(
          Object.entries(methods).map(([method, operation]) => [
            method,
            renderOperation(operation),
          ]),
        ),
      ]),
    ),
    components: { schemas: components },
  }
}
