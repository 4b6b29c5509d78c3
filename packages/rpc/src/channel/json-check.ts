import { nearest, type Problem } from '@tidemill/core'

type JsonObject = Readonly<Record<string, unknown>>

/** One segment of a JSON pointer (RFC 6901 section 3). */
function segment(key: string | number): string {
  return `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** A place in a JSON document that is being checked: what is wrong is collected, reading goes on. */
export class JsonPlace {
  readonly value: unknown
  readonly path: string
  readonly #problems: Problem[]

  constructor(value: unknown, path: string, problems: Problem[]) {
    this.value = value
    this.path = path
    this.#problems = problems
  }

  problem(message: string, expected?: string): undefined {
    const received = this.value === undefined ? undefined : JSON.stringify(this.value)?.slice(0, 80)
    this.#problems.push({
      path: this.path,
      message,
      ...(received === undefined ? {} : { received }),
      ...(expected === undefined ? {} : { expected }),
    })
    return undefined
  }

  /** Problems that somebody else found inside, with paths relative to this place. */
  adopt(found: readonly Problem[]): void {
    for (const problem of found) {
      this.#problems.push({ ...problem, path: this.path + problem.path })
    }
  }

  get absent(): boolean {
    return this.value === undefined || this.value === null
  }

  member(key: string): JsonPlace {
    const object = this.value as JsonObject
    const value = Object.hasOwn(object, key) ? object[key] : undefined
    return new JsonPlace(value, this.path + segment(key), this.#problems)
  }

  /** Itself when it is an object. `known` are the only keys it may have, when given. */
  object(known?: readonly string[]): JsonPlace | undefined {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) {
      return this.problem(this.absent ? 'is missing' : 'is not an object', 'an object')
    }
    if (known === undefined) return this
    for (const key of Object.keys(this.value)) {
      if (known.includes(key)) continue
      const near = nearest(key, known)
      this.member(key).problem(
        near === undefined ? 'no such field' : `no such field; did you mean "${near}"?`,
      )
    }
    return this
  }

  /** The elements; an absent list has none. */
  list(): readonly JsonPlace[] {
    if (this.absent) return []
    if (!Array.isArray(this.value)) {
      this.problem('is not a list', 'a list')
      return []
    }
    return this.value.map(
      (item, index) => new JsonPlace(item, this.path + segment(index), this.#problems),
    )
  }

  boolean(): boolean | undefined {
    if (this.absent) return undefined
    if (typeof this.value === 'boolean') return this.value
    return this.problem('is not a boolean', 'true or false')
  }

  text(): string | undefined {
    if (this.absent) return undefined
    if (typeof this.value === 'string') return this.value
    return this.problem('is not a text', 'a text')
  }

  /** A whole number of at least `min`; like every 64-bit number of protobuf's JSON it may be given as text. */
  integer(min: number): number | undefined {
    if (this.absent) return undefined
    const { value } = this
    const number = typeof value === 'string' && /^-?\d{1,19}$/u.test(value) ? Number(value) : value
    const expected = `a whole number of at least ${min}`
    if (typeof number !== 'number' || !Number.isInteger(number)) {
      return this.problem('is not a whole number', expected)
    }
    return number >= min ? number : this.problem('is too small', expected)
  }

  positiveNumber(max: number): number | undefined {
    if (this.absent) return undefined
    const { value } = this
    const expected = max === Infinity ? 'a number above 0' : `a number above 0 and not above ${max}`
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      return this.problem('is not a number', expected)
    }
    return value > 0 && value <= max ? value : this.problem('is out of range', expected)
  }

  /** Milliseconds of a google.protobuf.Duration in JSON: decimal seconds, at most nine decimals, and an `s`. */
  durationMs(): number | undefined {
    if (this.absent) return undefined
    const expected = 'seconds as text, for example "0.1s"'
    const [, digits] =
      /^(-?\d+(?:\.\d{1,9})?)s$/u.exec(typeof this.value === 'string' ? this.value : '') ?? []
    if (digits === undefined) return this.problem('is not a duration', expected)
    const seconds = Number(digits)
    // Limits of google.protobuf.Duration.
    if (Math.abs(seconds) > 315_576_000_000) return this.problem('is too long', expected)
    return seconds >= 0 ? seconds * 1000 : this.problem('is negative', expected)
  }

  /** The field is needed: what `value` is, or a problem when it is not there. */
  need<T>(value: T | undefined): T | undefined {
    if (value === undefined && this.absent) return this.problem('is missing')
    return value
  }
}
