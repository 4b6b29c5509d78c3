import {
  type Json,
  type Participant,
  participant,
  reject,
  type StepAnswer,
  type StepRequest,
} from '@tidemill/saga'
import { type Procedure, procedure, type Program, type Tx } from '@tidemill/sql'
import type { ProviderEntry } from '../provider/provider-program.ts'

export interface RecordInput {
  readonly request: StepRequest
  /** Money that moved, as the provider answered. */
  readonly entries: readonly ProviderEntry[]
}

/** The provider's transaction, or null when it declined. */
type PaymentPayload = { readonly transaction: string | null }

const pay: Participant = participant(import.meta.url, 'pay', {
  *action(_tx: Tx, request: StepRequest): Program<Json> {
    yield* []
    const { transaction } = request.payload as PaymentPayload
    if (transaction === null) throw reject('payment declined')
    return { transaction }
  },
  *compensate(): Program<void> {
    // The provider's refund is in the ledger already: money is booked as it moves, whatever the saga makes of it.
    yield* []
  },
})

/**
 * Books what the provider answered and gives the saga's answer, in one transaction. The ledger follows the provider
 * (its transaction id is the key), so both agree line by line even when a late charge meets its own compensation.
 */
export const recordPayment: Procedure<RecordInput, StepAnswer> = procedure(
  import.meta.url,
  'recordPayment',
  function* (tx, { request, entries }: RecordInput): Program<StepAnswer> {
    const { orderId } = request.payload as { readonly orderId: string }
    for (const { id, kind, amount, currency, at } of entries) {
      const booked = yield* tx.get('SELECT 1 FROM payment WHERE id = ?', id)
      if (booked !== undefined) continue
      yield* tx.run(
        `INSERT INTO payment (id, kind, order_id, saga_id, amount, currency, at)
          VALUES (?, ?, ?, ?, ?, ?, ?)`,
        id,
        kind,
        orderId,
        request.sagaId,
        amount,
        currency,
        at,
      )
    }
    const payload = { transaction: entries[0]?.id ?? null }
    return yield* pay.program(tx, { ...request, payload })
  },
)
