import type { Program, Tx } from '@tidemill/sql'
import type { Message } from '../command.ts'
import type { SagaDefinition, StepDefinition } from '../definition.ts'
import { sagaText } from '../sql/text.ts'
import type { StepDirection } from '../step.ts'
import { bucketOf, directionCode, leaseGraceMs, turnRecheckMs } from './row.ts'

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
): Program<Message | null> {
  const leaseMs = step.timeoutMs + leaseGraceMs
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
    tx.now + (leased ? leaseMs : turnRecheckMs),
    leased ? born : null,
    1,
    tx.now,
  )
  return leased ? leasedMessage(definition, saga, step, direction, 1, 1) : null
}

/** Leases a message that has waited for its turn to the process that commits this. */
export function* leaseWaiting(
  tx: Tx,
  definition: SagaDefinition,
  saga: SagaKey,
  row: { readonly id: number; readonly lease_fence: number; readonly attempts: number },
  step: StepDefinition,
  direction: StepDirection,
): Program<Message> {
  yield* tx.run(
    sagaText(tx.dialect).leaseMessage,
    tx.now + step.timeoutMs + leaseGraceMs,
    born,
    row.id,
  )
  return leasedMessage(definition, saga, step, direction, row.lease_fence + 1, row.attempts + 1)
}

function leasedMessage(
  definition: SagaDefinition,
  saga: SagaKey,
  step: StepDefinition,
  direction: StepDirection,
  fence: number,
  attempt: number,
): Message {
  return {
    sagaId: saga.sagaId,
    definition: definition.key,
    tenant: saga.tenant,
    bizKey: saga.bizKey,
    seq: saga.seq,
    step: step.name,
    direction,
    fence,
    attempt,
    leaseMs: step.timeoutMs + leaseGraceMs,
  }
}
