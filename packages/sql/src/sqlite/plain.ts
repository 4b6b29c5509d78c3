import type { TidemillError } from '@tidemill/core'
import { sqlErrors } from '../errors.ts'
import type { CallsAnswer } from './messages.ts'

/** The coded reason why a value cannot be posted to another thread, or undefined when it can. */
export function cloneProblem(
  value: unknown,
  details: {
    readonly side: 'input' | 'output'
    readonly name: string
    readonly committed: boolean
  },
): TidemillError | undefined {
  try {
    structuredClone(value)
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return sqlErrors.error('TM_SQL_NOT_CLONEABLE', { ...details, reason }, { cause: error })
  }
}

/** The answer with an error in place of each output or error detail that cannot be posted. */
export function withoutUncloneable(answer: CallsAnswer, names: readonly string[]): CallsAnswer {
  const failures: CallsAnswer['failures'] = answer.failures.map(([index, error]) => {
    const problem = cloneProblem(error.details, { side: 'output', name: '', committed: false })
    return [index, problem === undefined ? error : { ...error, details: {} }]
  })
  const failed = new Set(failures.map(([index]) => index))
  const outputs = answer.outputs.map((output, index) => {
    if (failed.has(index)) return undefined
    const problem = cloneProblem(output, {
      side: 'output',
      name: names[index] ?? '',
      committed: true,
    })
    if (problem === undefined) return output
    failures.push([index, problem.toJSON()])
    return undefined
  })
  return { ...answer, outputs, failures }
}
