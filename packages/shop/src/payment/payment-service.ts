import type { Destination } from '@tidemill/saga'
import type { Database } from '@tidemill/sql'
import type { Minor } from '../money.ts'
import type { Provider } from '../provider/provider.ts'
import type { ProviderEntry } from '../provider/provider-program.ts'
import { recordPayment } from './payment-participant.ts'

export interface Payment {
  /** The provider's transaction id. */
  readonly id: string
  readonly kind: 'charge' | 'refund'
  readonly amount: Minor
  readonly currency: string
  readonly at: number
}

/** Charges and pays back through the provider and keeps the ledger; its database is `payment.db`. */
export interface PaymentService {
  readonly database: Database
  readonly destination: Destination
  payments(orderId: string): Promise<readonly Payment[]>
}

/** What both sagas send to the payment service. */
interface PaymentPayload {
  readonly orderId: string
  readonly amount: Minor
  readonly currency: string
}

export function createPayment(database: Database, provider: Provider): PaymentService {
  // The provider is asked before the ledger's transaction: its answer is repeatable by key, so a crash between the
  // two is healed by the saga's next attempt.
  const destination: Destination = async (request, { signal }) => {
    const { orderId, amount, currency } = request.payload as unknown as PaymentPayload
    const asked = {
      key: `${request.sagaId}/${request.step}`,
      reference: orderId,
      amount,
      currency,
    }
    let entries: readonly ProviderEntry[]
    if (request.direction === 'compensate') entries = await provider.undo(asked, signal)
    else if (request.step === 'refund') entries = [await provider.refund(asked, signal)]
    else {
      const charge = await provider.charge(asked, signal)
      entries = charge === null ? [] : [charge]
    }
    return database.call(recordPayment, { request, entries })
  }
  return {
    database,
    destination,
    payments: (orderId) =>
      database.query<Payment>(
        'SELECT id, kind, amount, currency, at FROM payment WHERE order_id = ? ORDER BY at, id',
        orderId,
      ),
  }
}
