import { createSeededRandom, createVirtualClock, type VirtualClock } from '@tidemill/core'
import type { Database } from '@tidemill/sql'
import type { Started } from '../command.ts'
import { barrierMigrations } from '../migrations.ts'
import { openSagas, type Sagas, type SagasOptions } from '../sagas.ts'
import type { Destination, StepAnswer, StepRequest } from '../step.ts'
import {
  type OrderInput,
  orderMigrations,
  orderSaga,
  orderSaga2,
  placeOrder,
  refundSaga,
  work,
} from './order.ts'

/** Opens an empty database on that clock; the rig closes it. */
export type OpenForSagas = (options: { readonly clock: VirtualClock }) => Promise<Database>

/** Stands between the dispatcher and the participant: may lose, refuse or invent answers. */
export type Script = (
  request: StepRequest,
  participant: () => Promise<StepAnswer>,
  signal: () => AbortSignal,
) => Promise<StepAnswer>

export interface Rig extends AsyncDisposable {
  readonly database: Database
  readonly clock: VirtualClock
  readonly sagas: Sagas
  script: Script
  readonly requests: StepRequest[]
  place(input: OrderInput): Promise<Started>
  /** Lets time pass until the condition holds; throws after an hour of virtual time. */
  until(holds: () => boolean | Promise<boolean>, stepMs?: number): Promise<void>
  /** Lets everything that is due now happen. */
  settle(): Promise<void>
  /** Opens another dispatcher on the same database. */
  another(options?: Partial<SagasOptions>): Promise<Sagas>
  effects(bizKey: string): Promise<Readonly<Record<string, number>>>
}

/** A saga database with the miniature shop in it, on virtual time. */
export async function openRig(
  open: OpenForSagas,
  options: Partial<SagasOptions> = {},
): Promise<Rig> {
  const clock = createVirtualClock()
  const database = await open({ clock })
  await database.migrate('barrier', barrierMigrations)
  await database.migrate('orders', orderMigrations)
  const opened: Sagas[] = []
  const destination: Destination = (request, context) => {
    rig.requests.push(request)
    return rig.script(
      request,
      () => database.call(work, request),
      () => context.signal,
    )
  }
  const openMore = async (more: Partial<SagasOptions> = {}): Promise<Sagas> => {
    const sagas = await openSagas({
      database,
      clock,
      random: createSeededRandom(7 + opened.length),
      owner: `dispatcher-${opened.length}`,
      definitions: [orderSaga, orderSaga2, refundSaga],
      destinations: { stock: destination, payment: destination, order: destination },
      drain: '0s',
      ...more,
    })
    opened.push(sagas)
    return sagas
  }
  const settle = async (): Promise<void> => {
    // A round trip through the database lets what was asked of it before be answered.
    for (let i = 0; i < 6; i++) {
      await database.query('SELECT 1')
      await clock.advance(0)
    }
  }
  const sagas = await openMore(options)
  const rig: Rig = {
    database,
    clock,
    sagas,
    script: (_request, participant) => participant(),
    requests: [],
    async place(input) {
      const started = await database.call(placeOrder, input)
      sagas.deliver(started)
      return started
    },
    async until(holds, stepMs = 250) {
      for (let passed = 0; passed < 3_600_000; passed += stepMs) {
        await settle()
        if (await holds()) return
        await clock.advance(stepMs)
      }
      throw new Error('it did not come true within an hour')
    },
    settle,
    another: openMore,
    async effects(bizKey) {
      const rows = await database.query<{ step: string; direction: string; n: number }>(
        'SELECT step, direction, n FROM effects WHERE biz_key = ?',
        bizKey,
      )
      return Object.fromEntries(rows.map((row) => [`${row.step}.${row.direction}`, row.n]))
    },
    async [Symbol.asyncDispose]() {
      for (const each of opened) await each.close()
      await database.close()
    },
  }
  await settle()
  return rig
}
