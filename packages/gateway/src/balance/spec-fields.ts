import { parseDuration, type Problem } from '@tidemill/core'
import { type Fields, ObjectCheck } from '../object-check.ts'

/** Reads the fields of one settings object; what is wrong is a problem with its path and the default is given. */
export class SpecFields {
  readonly #check: ObjectCheck
  readonly #path: string
  readonly #fields: Fields

  /** `value` undefined counts as an object without fields. */
  constructor(value: unknown, path: string, problems: Problem[], known: readonly string[]) {
    this.#check = new ObjectCheck(problems)
    this.#path = path
    this.#fields = value === undefined ? {} : (this.#check.object(path, value) ?? {})
    this.#check.known(path, this.#fields, known)
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined
  }

  value(name: string): unknown {
    return this.#fields[name]
  }

  path(name: string): string {
    return `${this.#path}/${name}`
  }

  wrong(name: string, expected: string): void {
    this.#check.wrong(this.path(name), this.#fields[name], expected)
  }

  integer(name: string, low: number, high: number, fallback: number): number {
    const value = this.#fields[name]
    this.#check.integer(this.path(name), value, low, high)
    return typeof value === 'number' ? value : fallback
  }

  /** Any number of the range, fractions included. */
  number(name: string, low: number, high: number, fallback: number): number {
    const value = this.#fields[name]
    if (value === undefined) return fallback
    if (typeof value === 'number' && value >= low && value <= high) return value
    this.wrong(name, `a number from ${low} to ${high}`)
    return fallback
  }

  /** A duration above zero, in milliseconds. */
  duration(name: string, fallback: string): number {
    const value = this.#fields[name] ?? fallback
    try {
      const ms = typeof value === 'string' ? parseDuration(value) : 0
      if (ms > 0) return ms
    } catch {
      // Reported below like every other wrong duration.
    }
    this.wrong(name, `a duration above zero with its unit, such as ${fallback}`)
    return parseDuration(fallback)
  }

  oneOf<Name extends string>(name: string, allowed: readonly Name[], fallback: Name): Name {
    const value = this.#fields[name] ?? fallback
    const found = allowed.find((each) => each === value)
    if (found === undefined) this.#check.oneOf(this.path(name), value, allowed)
    return found ?? fallback
  }

  text(name: string, longest: number, form: RegExp, expected: string): string | undefined {
    const value = this.#fields[name]
    if (value === undefined) return undefined
    this.#check.text(this.path(name), value, longest, form, expected)
    return typeof value === 'string' ? value : undefined
  }
}
