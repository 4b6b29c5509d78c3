import { isDeepStrictEqual } from 'node:util'
import type { Program, Tx } from '@tidemill/sql'
import type { Started } from '../command.ts'
import type { SagaDefinition } from '../definition.ts'
import { sagaErrors } from '../errors.ts'
import { sagaText } from '../sql/text.ts'
import type { Json } from '../step.ts'
import { isJson, jsonProblems } from './json.ts'
import { insertMessage } from './message.ts'
import { type SagaRow, timePrefix } from './row.ts'

/** The most bytes of JSON that a saga's input may have. */
export const inputLimit = 1_048_576

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const controlRe = /[\u0000-\u001f\u007f]/u
const tenantRe = /^[A-Za-z0-9_.-]*$/u

function checkKey(name: string, value: unknown, pattern?: RegExp): void {
  const usable =
    typeof value === 'string' &&
    Buffer.byteLength(value) <= 64 &&
    !controlRe.test(value) &&
    (pattern === undefined ? value !== '' : pattern.test(value))
  if (!usable) {
    const received = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : typeof value
    throw sagaErrors.error('TM_SAGA_INVALID_KEY', { name, received })
  }
}

/** JSON text of a checked value; throws TM_SAGA_INVALID_INPUT or TM_SAGA_PAYLOAD_TOO_LARGE. */
export function encodeInput(type: string, what: string, value: Json): string {
  if (!isJson(value)) throw invalidInput(type, jsonProblems(value))
  const text = JSON.stringify(value)
  if (text.length > inputLimit / 4) {
    const bytes = Buffer.byteLength(text)
    if (bytes > inputLimit) {
      throw sagaErrors.error('TM_SAGA_PAYLOAD_TOO_LARGE', { what, type, bytes, limit: inputLimit })
    }
  }
  return text
}

function invalidInput(type: string, problems: readonly { path: string; message: string }[]): Error {
  const first = `${problems[0]?.path || '/'} ${problems[0]?.message}`
  return sagaErrors.error('TM_SAGA_INVALID_INPUT', { type, first, problems })
}

/**
 * Ids begin with the time so that rows of one time lie together, and carry tenant, type and key so that two saga
 * databases that share a participant cannot collide in its barrier.
 */
function sagaIdOf(now: number, tenant: string, type: string, bizKey: string): string {
  return `${timePrefix(now)}:${tenant === '' ? '' : `${tenant}/`}${type}:${bizKey}`
}

/** T0: the saga and its first message, in the caller's transaction. */
export function* start(
  tx: Tx,
  definition: SagaDefinition,
  input: { readonly bizKey: string; readonly input: Json; readonly tenant: string },
): Program<Started> {
  const { bizKey, tenant } = input
  const { type } = definition
  checkKey('bizKey', bizKey)
  checkKey('tenant', tenant, tenantRe)
  const data = encodeInput(type, 'input', input.input)
  const problems = definition.spec.check?.(input.input) ?? []
  if (problems.length > 0) throw invalidInput(type, problems)
  const text = sagaText(tx.dialect)
  const sagaId = sagaIdOf(tx.now, tenant, type, bizKey)
  const deadline = definition.deadlineMs === null ? null : tx.now + definition.deadlineMs
  for (;;) {
    const siblings = yield* tx.all<SagaRow>(text.sagasOfKey, tenant, bizKey)
    const existing = siblings.find((row) => row.type === type)
    if (existing !== undefined) return repeated(existing, data, bizKey)
    const seq = siblings.reduce((next, row) => Math.max(next, row.seq + 1), 0)
    const { changes } = yield* tx.run(
      text.insertSaga,
      sagaId,
      type,
      definition.version,
      tenant,
      bizKey,
      seq,
      data,
      deadline,
      tx.now,
      tx.now,
    )
    // Another transaction took the key between the two statements; look again.
    if (changes === 0) continue
    const waits = seq > 0 && (yield* tx.get(text.pendingBefore, tenant, bizKey, seq)) !== undefined
    // The transition that ends the one before will find its version raised, read the mark and wake this one.
    if (waits) yield* tx.run(text.markWaited, tenant, bizKey, seq)
    const saga = { sagaId, tenant, bizKey, seq }
    const step = definition.steps[0]
    if (step === undefined) throw new TypeError('a definition has at least one step')
    const next = yield* insertMessage(tx, definition, saga, step, 'action', !waits, 1)
    if (next === null) return { sagaId, existing: false, messages: [] }
    const message = { ...saga, ...next, definition: definition.key, payload: input.input }
    return { sagaId, existing: false, messages: [message] }
  }
}

function repeated(row: SagaRow, data: string, bizKey: string): Started {
  if (row.data !== data && !isDeepStrictEqual(JSON.parse(row.data), JSON.parse(data))) {
    throw sagaErrors.error('TM_SAGA_IDEMPOTENCY_CONFLICT', {
      type: row.type,
      bizKey,
      sagaId: row.saga_id,
    })
  }
  return { sagaId: row.saga_id, existing: true, messages: [] }
}
