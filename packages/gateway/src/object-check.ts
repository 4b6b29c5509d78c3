import type { Problem } from '@tidemill/core'

export type Fields = Readonly<Record<string, unknown>>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Collects what is wrong with a Kubernetes-style object, every problem with its path. */
export class ObjectCheck {
  readonly problems: Problem[]

  constructor(problems: Problem[] = []) {
    this.problems = problems
  }

  wrong(path: string, received: unknown, expected: string): void {
    const text = JSON.stringify(received) ?? 'nothing'
    this.problems.push({
      path,
      message: `must be ${expected}`,
      received: text.length > 200 ? `${text.slice(0, 200)}...` : text,
      expected,
    })
  }

  /** The value when it is an object. */
  object(path: string, value: unknown): Fields | undefined {
    if (isFields(value)) return value
    this.wrong(path, value, 'an object')
    return undefined
  }

  /** Complains about every field that is not in the list. */
  known(path: string, value: Fields, names: readonly string[]): void {
    for (const name of Object.keys(value)) {
      if (!names.includes(name)) {
        this.wrong(`${path}/${name}`, value[name], `absent: fields here are ${names.join(', ')}`)
      }
    }
  }

  /** Visits each item of a list that may be absent. */
  list(
    path: string,
    value: unknown,
    most: number,
    visit: (path: string, item: unknown, index: number) => void,
  ): void {
    if (value === undefined) return
    if (!Array.isArray(value)) {
      this.wrong(path, value, 'a list')
      return
    }
    if (value.length > most) this.wrong(path, `${value.length} items`, `at most ${most} items`)
    // What is beyond the limit is not looked at: the answer must not grow with a hostile object.
    for (const [i, item] of value.slice(0, most).entries()) visit(`${path}/${i}`, item, i)
  }

  /** A text that is not empty, not longer than `longest`, and of that form. */
  text(path: string, value: unknown, longest: number, form?: RegExp, expected?: string): void {
    const fits =
      typeof value === 'string' &&
      value !== '' &&
      value.length <= longest &&
      (form?.test(value) ?? true)
    if (!fits) this.wrong(path, value, `${expected ?? 'a text'} of 1 to ${longest} characters`)
  }

  oneOf(path: string, value: unknown, allowed: readonly string[]): void {
    if (typeof value !== 'string' || !allowed.includes(value)) {
      this.wrong(path, value, `one of ${allowed.join(', ')}`)
    }
  }

  /** An integer in the range; absent is fine. */
  integer(path: string, value: unknown, low: number, high: number): void {
    if (value === undefined) return
    if (!(typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high)) {
      this.wrong(path, value, `an integer from ${low} to ${high}`)
    }
  }
}
