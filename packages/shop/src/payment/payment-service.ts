import type { Destination } from '@tidemill/saga'
import type { Database } from '@tidemill/sql'
import type { Clock } from '@tidemill/core'
import type { HopLog } from '../hop-log.ts'
import type { Minor } from '../money.ts'
import type { Provider } from '../provider/provider.ts'
import type { ProviderEntry } from '../provider/provider-program.ts'
import { callOf } from '../rpc/step-call.ts'
import { recordPayment } from './payment-participant.ts'

export interface Payment {
  /** The provider's transaction id. */
  readonly id: string
  readonly kind: 'charge' | 'refund'
  readonly amount: Minor
  readonly currency: string
  readonly at: number
}

/** What other services ask of the payment service, in its process or by rpc. */
export interface PaymentPort {
  readonly destination: Destination
  payments(orderId: string): Promise<readonly Payment[]>
}

/** Charges and pays back through the provider and keeps the ledger; its database is `payment.db`. */
export interface PaymentService extends PaymentPort {
  readonly database: Database
}

/** What both sagas send to the payment service. */
interface PaymentPayload {
  readonly orderId: string
  readonly amount: Minor
  readonly currency: string
}

export function createPayment(
  database: Database,
  provider: Provider,
  { hops, clock }: { readonly hops: HopLog; readonly clock: Clock },
): PaymentService {
  // The provider is asked before the ledger's transaction: its answer is repeatable by key, so a crash between the
  // two is healed by the saga's next attempt.
  const destination: Destination = async (request, { signal, timeoutMs }) => {
    const { orderId, amount, currency } = request.payload as unknown as PaymentPayload
    const asked = {
      key: `${request.sagaId}/${request.step}`,
      reference: orderId,
      amount,
      currency,
    }
    const ask = async (): Promise<readonly ProviderEntry[]> => {
      if (request.direction === 'compensate') return provider.undo(asked, signal)
      if (request.step === 'refund') return [await provider.refund(asked, signal)]
      const charge = await provider.charge(asked, signal)
      return charge === null ? [] : [charge]
    }
    const hop = { from: 'payment', call: callOf(request) }
    const begun = clock.monotonic()
    const left = (): number => Math.max(0, timeoutMs - (clock.monotonic() - begun))
    const entries = await hops.follow(orderId, { ...hop, to: 'provider', leftMs: left() }, ask)
    return hops.follow(orderId, { ...hop, to: 'payment.db', leftMs: left() }, () =>
      database.call(recordPayment, { request, entries }, { signal }),
    )
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
