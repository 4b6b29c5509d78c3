import type { Problem } from '../error.ts'

/** Most problems that one validation lists; the rest of a hopeless input is not looked at. */
export const problemLimit = 100

/** Where a validation stands in the input, and what it found wrong so far. */
export class CheckContext {
  readonly problems: Problem[] = []
  /** Keys and indexes from the root to the value under check; builders push and pop. */
  readonly path: (string | number)[] = []

  /** True when no more problems are wanted, so that loops over the input can stop. */
  get full(): boolean {
    return this.problems.length >= problemLimit
  }

  /** Notes that the value under check is not what was expected. */
  fail(expected: string, value: unknown): undefined {
    this.report(`must be ${expected}`, expected, describe(value))
  }

  report(message: string, expected?: string, received?: string): undefined {
    if (this.full) return
    this.problems.push({
      path: pointer(this.path),
      message,
      ...(received === undefined ? {} : { received }),
      ...(expected === undefined ? {} : { expected }),
    })
  }
}

/** JSON pointer (RFC 6901) of a path. */
function pointer(path: readonly (string | number)[]): string {
  return path
    .map((key) => `/${String(key).slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
}

/** A value in a few words, short however large the value is. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)
  }
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
