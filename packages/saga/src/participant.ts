import { TidemillError } from '@tidemill/core'
import { type Procedure, procedure, type Program, type Tx } from '@tidemill/sql'
import { sagaErrors } from './errors.ts'
import { jsonProblems, parseJson } from './internal/json.ts'
import { timePrefix } from './internal/row.ts'
import { sagaText } from './sql/text.ts'
import type { Json, StepAnswer, StepDirection, StepRequest } from './step.ts'

/** The business half of a step: runs in the transaction of the barrier, at most once per saga. */
export interface ParticipantSpec {
  /** Does the step. Throw {@link reject} to refuse for good; any other error undoes everything and is retried. */
  action(tx: Tx, request: StepRequest): Program<Json | void>
  /** Undoes the step; runs only when the action was executed. `stored` is what the action returned. */
  compensate?(tx: Tx, request: StepRequest, stored: Json): Program<Json | void>
}

/** A procedure of the participant's own database; call it with the request, its output is the answer. */
export type Participant = Procedure<StepRequest, StepAnswer>

/** The error with which an action refuses: the saga compensates. Details reach the saga as the step's result. */
export function reject(
  reason: string,
  details: Readonly<Record<string, Json>> = {},
): TidemillError {
  return sagaErrors.error('TM_SAGA_REJECTED', { ...details, reason })
}

interface BarrierRow {
  readonly reason: StepDirection
  readonly outcome: 'executed' | 'rejected' | 'null-compensated'
  readonly result: string | null
}

/**
 * Wraps a business program in the barrier, so that whatever is repeated, late or out of order takes effect at most
 * once: *executed*; *duplicate* with the stored result; *null-compensated* when the action never ran; *suspended*
 * when the action arrives after its compensation. Must be exported from `module` under exactly `name`; wants
 * {@link barrierMigrations} in the database of the business rows.
 */
export function participant(module: string, name: string, spec: ParticipantSpec): Participant {
  return {
    module,
    name,
    program: (tx, request) =>
      request.direction === 'action' ? act(tx, request, spec) : compensate(tx, request, spec),
  }
}

function* act(tx: Tx, request: StepRequest, spec: ParticipantSpec): Program<StepAnswer> {
  const text = sagaText(tx.dialect)
  if (!(yield* insert(tx, request, 'action', 'action', 'executed'))) {
    const row = yield* find(tx, request, 'action')
    if (row === undefined || row.reason === 'compensate') {
      return { outcome: 'suspended', reason: 'the compensation came first' }
    }
    return row.outcome === 'rejected'
      ? rejected(parseJson(row.result))
      : { outcome: 'duplicate', result: parseJson(row.result) }
  }
  try {
    const result = (yield* tx.savepoint(() => spec.action(tx, request))) ?? null
    if (result === null) return { outcome: 'executed', result: null }
    yield* tx.run(
      text.setBarrier,
      'executed',
      encode(result, request),
      ...barrierKey(request, 'action'),
    )
    return { outcome: 'executed', result }
  } catch (error) {
    if (!TidemillError.is(error, 'TM_SAGA_REJECTED')) throw error
    const details = { ...error.details } as Record<string, Json>
    yield* tx.run(
      text.setBarrier,
      'rejected',
      encode(details, request),
      ...barrierKey(request, 'action'),
    )
    return rejected(details)
  }
}

function rejected(details: Json): StepAnswer {
  const reason = (details as { readonly reason?: Json } | null)?.reason
  return {
    outcome: 'rejected',
    reason: typeof reason === 'string' ? reason : 'refused',
    result: details,
  }
}

function* compensate(tx: Tx, request: StepRequest, spec: ParticipantSpec): Program<StepAnswer> {
  const text = sagaText(tx.dialect)
  const actionMissing = yield* insert(tx, request, 'action', 'compensate', 'null-compensated')
  if (!(yield* insert(tx, request, 'compensate', 'compensate', 'executed'))) {
    const row = yield* find(tx, request, 'compensate')
    return { outcome: 'duplicate', result: parseJson(row?.result) }
  }
  const row = actionMissing ? undefined : yield* find(tx, request, 'action')
  if (row === undefined || row.reason === 'compensate' || row.outcome !== 'executed') {
    yield* tx.run(text.setBarrier, 'null-compensated', null, ...barrierKey(request, 'compensate'))
    return { outcome: 'null-compensated', result: null }
  }
  if (spec.compensate === undefined) return { outcome: 'executed', result: null }
  const result = (yield* spec.compensate(tx, request, parseJson(row.result))) ?? null
  if (result !== null) {
    yield* tx.run(
      text.setBarrier,
      'executed',
      encode(result, request),
      ...barrierKey(request, 'compensate'),
    )
  }
  return { outcome: 'executed', result }
}

function barrierKey(
  request: StepRequest,
  op: StepDirection,
): [tenant: string, sagaId: string, step: string, op: string] {
  return [request.tenant, request.sagaId, request.step, op]
}

function* insert(
  tx: Tx,
  request: StepRequest,
  op: StepDirection,
  reason: StepDirection,
  outcome: BarrierRow['outcome'],
): Program<boolean> {
  const { changes } = yield* tx.run(
    sagaText(tx.dialect).insertBarrier,
    ...barrierKey(request, op),
    reason,
    outcome,
    tx.now,
  )
  return changes === 1
}

function find(tx: Tx, request: StepRequest, op: StepDirection): Program<BarrierRow | undefined> {
  return tx.get<BarrierRow>(sagaText(tx.dialect).barrierRow, ...barrierKey(request, op))
}

function encode(value: Json, request: StepRequest): string {
  const problems = jsonProblems(value)
  if (problems.length > 0) {
    throw sagaErrors.error('TM_SAGA_HANDLER_CONTRACT', {
      to: request.type,
      step: request.step,
      received: `a result that is not JSON at ${problems[0]?.path || '/'}`,
      problems,
    })
  }
  return JSON.stringify(value)
}

export interface PurgeBarrierInput {
  /** At least 30 days and twice the longest saga's life: a late duplicate must still find its row. */
  readonly olderThanMs: number
  /** Rows per call; repeat until it deletes fewer. */
  readonly limit: number
  readonly tenant: string
}

/** Deletes old barrier rows of a participant's database; gives how many. */
export const purgeBarrier: Procedure<PurgeBarrierInput, number> = procedure(
  import.meta.url,
  'purgeBarrier',
  function* (tx, { limit, olderThanMs, tenant }): Program<number> {
    const before = tx.now - olderThanMs
    const text = sagaText(tx.dialect).purgeBarrier
    return (yield* tx.run(text, tenant, timePrefix(before), before, limit)).changes
  },
)
