import type { Program, Tx } from '@tidemill/sql'
import type { Started } from './command.ts'
import type { SagaDefinition } from './definition.ts'
import { start } from './internal/start.ts'
import type { Json } from './step.ts'

export interface StartInput<Input> {
  /** 1 to 64 bytes, unique per tenant and type: starting twice with one key is one saga. */
  readonly bizKey: string
  /** At most 1 MiB of JSON. */
  readonly input: Input
  /** Letters, digits, `_`, `.` and `-`; default none. */
  readonly tenant?: string
}

/**
 * Starts a saga inside the caller's transaction: its row and its first message are committed with the caller's
 * business rows or not at all. Give the result to `Sagas.deliver` after the commit. The same key and input again
 * gives the existing saga; another input throws TM_SAGA_IDEMPOTENCY_CONFLICT. Wants {@link sagaMigrations}.
 */
export function* startProgram<Input>(
  tx: Tx,
  definition: SagaDefinition<Input>,
  input: StartInput<Input>,
): Program<Started> {
  return yield* start(tx, definition as unknown as SagaDefinition, {
    bizKey: input.bizKey,
    input: input.input as Json,
    tenant: input.tenant ?? '',
  })
}
