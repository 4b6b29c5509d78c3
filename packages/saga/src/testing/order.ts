import { type Migration, type Procedure, procedure, type Program } from '@tidemill/sql'
import type { Started } from '../command.ts'
import { defineSaga, type SagaDefinition } from '../definition.ts'
import { type Participant, participant, reject } from '../participant.ts'
import { startProgram } from '../start.ts'
import type { Json } from '../step.ts'

/** A shop in miniature: a saga whose participants count how often each step took effect. */
export interface OrderInput {
  readonly id: string
  readonly amount: number
  /** Steps that refuse. */
  readonly refuse?: readonly string[]
}

const tables = [
  'CREATE TABLE effects (biz_key VARCHAR(64) NOT NULL, step VARCHAR(64) NOT NULL, direction VARCHAR(16) NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (biz_key, step, direction))',
  'CREATE TABLE orders (id VARCHAR(64) NOT NULL PRIMARY KEY, state VARCHAR(32) NOT NULL)',
  'CREATE TABLE changes (n INTEGER NOT NULL PRIMARY KEY, saga_id VARCHAR(255) NOT NULL, state VARCHAR(32) NOT NULL, step VARCHAR(64))',
]

export const orderMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'orders',
    up: { sqlite: tables, postgres: tables, mysql: tables, tidb: tables },
  },
]

/** Counts its effects and refuses where the input says so. */
export const work: Participant = participant(import.meta.url, 'work', {
  *action(tx, request): Program<Json> {
    yield* count(tx, request.bizKey, request.step, 'action')
    const { refuse = [] } = request.payload as unknown as OrderInput
    if (refuse.includes(request.step)) throw reject('no', { step: request.step })
    return { did: request.step, seen: Object.keys(request.results) }
  },
  *compensate(tx, request, stored): Program<Json> {
    yield* count(tx, request.bizKey, request.step, 'compensate')
    return { undid: (stored as { readonly did: string }).did }
  },
})

function* count(
  tx: Parameters<typeof work.program>[0],
  bizKey: string,
  step: string,
  direction: string,
): Program<void> {
  const key = [bizKey, step, direction] as const
  const changed = yield* tx.run(
    'UPDATE effects SET n = n + 1 WHERE biz_key = ? AND step = ? AND direction = ?',
    ...key,
  )
  if (changed.changes === 0) {
    yield* tx.run('INSERT INTO effects (biz_key, step, direction, n) VALUES (?, ?, ?, 1)', ...key)
  }
}

export const orderSaga: SagaDefinition<OrderInput> = defineSaga<OrderInput>(
  import.meta.url,
  'orderSaga',
  {
    type: 'order',
    version: 1,
    deadline: '15m',
    steps: [
      { name: 'deduct', to: 'stock', kind: 'compensatable', timeout: '5s' },
      { name: 'charge', to: 'payment', kind: 'pivot', timeout: '5s', retry: { max: 4 } },
      { name: 'confirm', to: 'order', kind: 'retriable', timeout: '5s', retry: { max: 3 } },
    ],
    check: (input) =>
      Number.isSafeInteger(input.amount) && input.amount >= 0
        ? []
        : [{ path: '/amount', message: 'is not an amount in minor units' }],
    *onChange(tx, saga) {
      const last = yield* tx.get<{ n: number }>('SELECT coalesce(max(n), 0) AS n FROM changes')
      yield* tx.run(
        'INSERT INTO changes (n, saga_id, state, step) VALUES (?, ?, ?, ?)',
        (last?.n ?? 0) + 1,
        saga.id,
        saga.state,
        saga.step,
      )
    },
    *onEnd(tx, saga) {
      yield* tx.run('UPDATE orders SET state = ? WHERE id = ?', saga.state, saga.input.id)
    },
  },
)

/** The same saga without hooks and with other steps: another version, and another type on the same key. */
export const orderSaga2: SagaDefinition<OrderInput> = defineSaga<OrderInput>(
  import.meta.url,
  'orderSaga2',
  {
    type: 'order',
    version: 2,
    steps: [{ name: 'deduct', to: 'stock', kind: 'compensatable', timeout: '5s' }],
  },
)

export const refundSaga: SagaDefinition<OrderInput> = defineSaga<OrderInput>(
  import.meta.url,
  'refundSaga',
  {
    type: 'refund',
    version: 1,
    steps: [
      { name: 'repay', to: 'payment', kind: 'pivot', timeout: '5s' },
      { name: 'confirm', to: 'order', kind: 'retriable', timeout: '5s' },
    ],
  },
)

/** Places an order: business row, saga and first message in one transaction. */
export const placeOrder: Procedure<OrderInput, Started> = procedure(
  import.meta.url,
  'placeOrder',
  function* (tx, input): Program<Started> {
    const found = yield* tx.get('SELECT 1 AS found FROM orders WHERE id = ?', input.id)
    if (found === undefined) {
      yield* tx.run(`INSERT INTO orders (id, state) VALUES (?, 'pending')`, input.id)
    }
    return yield* startProgram(tx, orderSaga, { bizKey: input.id, input })
  },
)
