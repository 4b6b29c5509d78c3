import { type Duration, parseDuration, type Problem } from '@tidemill/core'
import type { Procedure, Program, Tx } from '@tidemill/sql'
import type { SagaCommand, SagaOutcome } from './command.ts'
import { sagaErrors } from './errors.ts'
import { runCommand } from './internal/transitions.ts'
import type { SagaFacts } from './saga.ts'
import type { Json } from './step.ts'

/**
 * `compensatable` steps come first and can be undone; then at most one `pivot`, whose success is the point of no
 * return; `retriable` steps come last and are retried until they succeed. Without a pivot, the last compensatable
 * step is the point of no return.
 */
export type StepKind = 'compensatable' | 'pivot' | 'retriable'

export interface RetrySpec {
  /** Forward attempts before the pivot after which the saga compensates; default 20. Other steps retry for ever. */
  readonly max?: number
  /** Upper bound of the first wait; default '100ms'. Waits double, with full jitter. */
  readonly base?: Duration
  /** Upper bound of every wait; default '60s'. */
  readonly cap?: Duration
}

export interface StepSpec {
  readonly name: string
  /** Name of the destination, as given to openSagas. */
  readonly to: string
  readonly kind: StepKind
  /** How long one attempt may take before its outcome counts as unknown; default '10s'. */
  readonly timeout?: Duration
  readonly retry?: RetrySpec
}

export interface SagaSpec<Input> {
  readonly type: string
  /** Pinned by a saga when it starts; a process that lacks that version leaves the saga alone. */
  readonly version: number
  /** Run one after the other, compensated in reverse. */
  readonly steps: readonly StepSpec[]
  /** When it passes before the point of no return, the saga compensates. Stored with the saga, so restarts keep it. */
  readonly deadline?: Duration
  /** Looks at the input before anything is written; what it returns refuses the start. */
  check?(input: Input): readonly Problem[]
  /** Runs in the transaction of each change of state after the start. */
  onChange?(tx: Tx, saga: SagaFacts<Input>): Program<void>
  /** Runs in the transaction that ends the saga: state is completed, compensated or cancelled. */
  onEnd?(tx: Tx, saga: SagaFacts<Input>): Program<void>
}

/** A step with its durations read and its defaults filled in. */
export interface StepDefinition {
  readonly name: string
  readonly to: string
  readonly kind: StepKind
  readonly index: number
  readonly timeoutMs: number
  readonly retry: { readonly max: number; readonly baseMs: number; readonly capMs: number }
}

/** A checked definition. It is a procedure of the saga database: each call is one transition in one transaction. */
export interface SagaDefinition<Input = Json> extends Procedure<SagaCommand, SagaOutcome> {
  readonly type: string
  readonly version: number
  /** `type/version`, as messages carry it. */
  readonly key: string
  readonly steps: readonly StepDefinition[]
  /** Index of the step whose success is the point of no return; -1 when there is nothing to undo. */
  readonly commitIndex: number
  readonly deadlineMs: number | null
  readonly spec: SagaSpec<Input>
}

const nameRe = /^[A-Za-z0-9_.-]{1,64}$/u
const kindOrder: Readonly<Record<StepKind, number>> = { compensatable: 0, pivot: 1, retriable: 2 }

/**
 * Declares a saga. It must be exported from `module` under exactly `name`. Throws TM_SAGA_DEFINITION with every
 * problem at once.
 */
export function defineSaga<Input = Json>(
  module: string,
  name: string,
  spec: SagaSpec<Input>,
): SagaDefinition<Input> {
  const problems: Problem[] = []
  const duration = (text: Duration, path: string): number => {
    try {
      return parseDuration(text, path)
    } catch {
      problems.push({
        path,
        message: 'is not a duration',
        received: text,
        expected: "'250ms', '5s', '15m'",
      })
      return 0
    }
  }
  if (!nameRe.test(spec.type)) {
    problems.push({
      path: '/type',
      message: 'is not a name',
      received: spec.type,
      expected: nameRe.source,
    })
  }
  if (!Number.isSafeInteger(spec.version) || spec.version < 1) {
    problems.push({
      path: '/version',
      message: 'is not a whole number from 1',
      received: String(spec.version),
    })
  }
  if (spec.steps.length === 0 || spec.steps.length > 100) {
    problems.push({
      path: '/steps',
      message: 'a saga has 1 to 100 steps',
      received: String(spec.steps.length),
    })
  }
  const seen = new Set<string>()
  const steps = spec.steps.map((step, index): StepDefinition => {
    const path = `/steps/${index}`
    for (const field of ['name', 'to'] as const) {
      if (!nameRe.test(step[field])) {
        problems.push({
          path: `${path}/${field}`,
          message: 'is not a name',
          received: step[field],
          expected: nameRe.source,
        })
      }
    }
    if (seen.has(step.name)) {
      problems.push({ path: `${path}/name`, message: 'is used twice', received: step.name })
    }
    seen.add(step.name)
    const rank = kindOrder[step.kind]
    const before = spec.steps[index - 1]
    if (rank === undefined) {
      problems.push({
        path: `${path}/kind`,
        message: 'is not a kind',
        received: step.kind,
        expected: Object.keys(kindOrder).join(' | '),
      })
    } else if (before !== undefined && rank < kindOrder[before.kind]) {
      problems.push({
        path: `${path}/kind`,
        message: `comes after a ${before.kind} step`,
        received: step.kind,
        expected: 'compensatable steps, then at most one pivot, then retriable steps',
      })
    } else if (step.kind === 'pivot' && before?.kind === 'pivot') {
      problems.push({ path: `${path}/kind`, message: 'is a second pivot', received: step.kind })
    }
    const max = step.retry?.max ?? 20
    if (!Number.isSafeInteger(max) || max < 1) {
      problems.push({
        path: `${path}/retry/max`,
        message: 'is not a whole number from 1',
        received: String(max),
      })
    }
    return {
      name: step.name,
      to: step.to,
      kind: step.kind,
      index,
      timeoutMs: duration(step.timeout ?? '10s', `${path}/timeout`),
      retry: {
        max,
        baseMs: duration(step.retry?.base ?? '100ms', `${path}/retry/base`),
        capMs: duration(step.retry?.cap ?? '60s', `${path}/retry/cap`),
      },
    }
  })
  const deadlineMs = spec.deadline === undefined ? null : duration(spec.deadline, '/deadline')
  if (problems.length > 0) {
    const first = problems[0]
    throw sagaErrors.error('TM_SAGA_DEFINITION', {
      type: spec.type,
      version: spec.version,
      first: `${first?.path} ${first?.message}`,
      problems,
    })
  }
  const pivot = steps.findIndex((step) => step.kind === 'pivot')
  const definition: SagaDefinition<Input> = {
    module,
    name,
    type: spec.type,
    version: spec.version,
    key: `${spec.type}/${spec.version}`,
    steps,
    commitIndex: pivot >= 0 ? pivot : steps.findLastIndex((step) => step.kind === 'compensatable'),
    deadlineMs,
    spec,
    program: (tx, command) => runCommand(tx, definition as SagaDefinition, command),
  }
  return definition
}
