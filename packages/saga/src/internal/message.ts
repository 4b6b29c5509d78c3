import type { Program, Tx } from '@tidemill/sql'
import type { Message, NextMessage } from '../command.ts'
import type { SagaDefinition, StepDefinition } from '../definition.ts'
import { sagaText } from '../sql/text.ts'
import type { StepDirection } from '../step.ts'
import { bucketOf, directionCode, leaseMsOf, turnRecheckMs } from './row.ts'

/** Who holds the lease of a message that the committing process delivers at once. */
const born = 'born'

export interface SagaKey {
  readonly sagaId: string
  readonly tenant: string
  readonly bizKey: string
  readonly seq: number
}

/**
 * Writes a message. With `leased` it is born with its first lease, so that the process that commits it delivers it
 * without polling; otherwise it waits until a dispatcher finds that its turn has come.
 */
export function* insertMessage(
  tx: Tx,
  definition: SagaDefinition,
  saga: SagaKey,
  step: StepDefinition,
  direction: StepDirection,
  leased: boolean,
  version: number,
): Program<NextMessage | null> {
  yield* tx.run(
    sagaText(tx.dialect).insertMessage,
    saga.tenant,
    saga.sagaId,
    definition.key,
    saga.bizKey,
    step.name,
    directionCode(direction),
    saga.seq,
    bucketOf(saga.bizKey),
    step.to,
    leased ? 1 : 0,
    leased ? 1 : 0,
    tx.now + (leased ? leaseMsOf(step) : turnRecheckMs),
    leased ? born : null,
    1,
    tx.now,
  )
  return leased ? { step: step.name, direction, fence: 1, version, attempt: 1 } : null
}

/** Leases a message that has waited for its turn to the process that commits this. */
export function* leaseWaiting(
  tx: Tx,
  row: { readonly id: number; readonly lease_fence: number; readonly attempts: number },
  step: StepDefinition,
  direction: StepDirection,
  version: number,
): Program<NextMessage> {
  yield* tx.run(sagaText(tx.dialect).leaseMessage, tx.now + leaseMsOf(step), born, row.id)
  return {
    step: step.name,
    direction,
    fence: row.lease_fence + 1,
    version,
    attempt: row.attempts + 1,
  }
}

/** The message of the same saga that a transition has leased to its caller. */
export function messageAfter(before: Message, next: NextMessage): Message {
  const { sagaId, definition, tenant, bizKey, seq } = before
  const { step, direction, fence, version, attempt } = next
  return { sagaId, definition, tenant, bizKey, seq, step, direction, fence, version, attempt }
}
