import { type Procedure, procedure, type Program, type Tx } from '@tidemill/sql'
import type { Minor } from '../money.ts'

/** A request as the merchant makes it; `key` makes repeats safe. */
export interface ProviderRequest {
  readonly key: string
  /** The merchant's reference: the order id. */
  readonly reference: string
  readonly amount: Minor
  readonly currency: string
}

/** Money that moved; one line of the bill. */
export interface ProviderEntry {
  readonly id: string
  readonly kind: 'charge' | 'refund'
  readonly reference: string
  readonly amount: Minor
  readonly currency: string
  readonly at: number
}

/** A decision as the books hold it. */
export interface RequestRow {
  readonly id: number
  readonly kind: 'charge' | 'refund'
  readonly outcome: 'approved' | 'declined' | 'closed'
  readonly reference: string
  readonly amount: number
  readonly currency: string
  readonly at: number
}

export function entryOf(row: RequestRow): ProviderEntry {
  const { kind, reference, amount, currency, at } = row
  return { id: `PV${String(row.id).padStart(10, '0')}`, kind, reference, amount, currency, at }
}

const columns = 'id, kind, outcome, reference, amount, currency, at'

function* find(tx: Tx, key: string): Program<RequestRow | undefined> {
  return yield* tx.get<RequestRow>(`SELECT ${columns} FROM provider_request WHERE key = ?`, key)
}

function* decide(
  tx: Tx,
  kind: 'charge' | 'refund',
  outcome: 'approved' | 'declined' | 'closed',
  request: ProviderRequest,
): Program<RequestRow> {
  yield* tx.run(
    `INSERT INTO provider_request (key, kind, outcome, reference, amount, currency, at, day)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    request.key,
    kind,
    outcome,
    request.reference,
    request.amount,
    request.currency,
    tx.now,
    new Date(tx.now).toISOString().slice(0, 10),
  )
  const row = yield* find(tx, request.key)
  if (row === undefined) throw new Error('the row just written is gone')
  return row
}

export interface ChargeInput extends ProviderRequest {
  readonly decline: boolean
}

/** The charge, or null when it is declined or was closed before it came. The first decision stands for ever. */
export const decideCharge: Procedure<ChargeInput, ProviderEntry | null> = procedure(
  import.meta.url,
  'decideCharge',
  function* (tx, { decline, ...request }: ChargeInput): Program<ProviderEntry | null> {
    const row =
      (yield* find(tx, request.key)) ??
      (yield* decide(tx, 'charge', decline ? 'declined' : 'approved', request))
    return row.outcome === 'approved' ? entryOf(row) : null
  },
)

/** Pays back; a repeat of the key pays nothing more. */
export const decideRefund: Procedure<ProviderRequest, ProviderEntry> = procedure(
  import.meta.url,
  'decideRefund',
  function* (tx, request: ProviderRequest): Program<ProviderEntry> {
    return entryOf(
      (yield* find(tx, request.key)) ?? (yield* decide(tx, 'refund', 'approved', request)),
    )
  },
)

/**
 * Undoes a charge whose outcome the merchant does not know: one that went through is paid back, one that never came
 * is closed, so that it is declined if it comes later. Gives the money that moved under the key.
 */
export const closeCharge: Procedure<ProviderRequest, ProviderEntry[]> = procedure(
  import.meta.url,
  'closeCharge',
  function* (tx, request: ProviderRequest): Program<ProviderEntry[]> {
    const charge = yield* find(tx, request.key)
    if (charge === undefined) {
      yield* decide(tx, 'charge', 'closed', request)
      return []
    }
    if (charge.outcome !== 'approved') return []
    const back = { ...request, key: `${request.key}/undo`, amount: charge.amount }
    const refund = (yield* find(tx, back.key)) ?? (yield* decide(tx, 'refund', 'approved', back))
    return [entryOf(charge), entryOf(refund)]
  },
)

/** Remembers how much of a day its bill holds; written after the file, so a crash between writes it again. */
export const noteBill: Procedure<{ day: string; entries: number }, null> = procedure(
  import.meta.url,
  'noteBill',
  function* (tx, { day, entries }: { day: string; entries: number }): Program<null> {
    yield* tx.run('DELETE FROM provider_bill WHERE day = ?', day)
    yield* tx.run('INSERT INTO provider_bill (day, entries) VALUES (?, ?)', day, entries)
    return null
  },
)
