/** A code as every Tidemill error carries it: `TM_<SYSTEM>_<REASON>`. */
export type ErrorCode = `TM_${string}`

/** One thing that is wrong with an input: where it is, what stood there, what was wanted. */
export interface Problem {
  /** JSON-pointer-like path into the input, for example `/lines/3/quantity`; empty for the whole. */
  readonly path: string
  readonly message: string
  readonly received?: string
  readonly expected?: string
  readonly line?: number
  readonly column?: number
}

export type ErrorDetails = Readonly<Record<string, unknown>>

/** Options accepted by every {@link TidemillError}. */
export interface TidemillErrorOptions extends ErrorOptions {
  /** The next action for the person who reads the message. */
  readonly hint?: string
  /** True when the same call may succeed later without a change. */
  readonly retryable?: boolean
  /** Machine-readable facts; must survive JSON. */
  readonly details?: ErrorDetails
  /** HTTP status that a server answers with; default 500. */
  readonly http?: number
}

/** What {@link TidemillError.toJSON} gives and {@link TidemillError.fromJSON} takes. */
export interface ErrorJson {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
  readonly retryable: boolean
  readonly http: number
  readonly details: ErrorDetails
}

const brand = Symbol.for('tidemill.error')

/**
 * The one error class that Tidemill throws on purpose. The message starts with the code in brackets.
 * Recognise it with {@link TidemillError.is}, never with `instanceof`: two copies of a package must agree.
 */
export class TidemillError extends Error {
  static is(value: unknown, code?: ErrorCode): value is TidemillError {
    return (
      typeof value === 'object' &&
      value !== null &&
      brand in value &&
      (code === undefined || (value as unknown as TidemillError).code === code)
    )
  }

  /** Rebuilds an error that crossed a thread or process boundary. */
  static fromJSON(json: ErrorJson): TidemillError {
    const text = json.message.replace(/^\[TM_[A-Z0-9_]+\] /u, '')
    return new TidemillError(json.code, text, {
      retryable: json.retryable,
      details: json.details,
      http: json.http,
      ...(json.hint === undefined ? {} : { hint: json.hint }),
    })
  }

  override readonly name: string = 'TidemillError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly retryable: boolean
  readonly details: ErrorDetails
  readonly http: number

  constructor(code: ErrorCode, message: string, options?: TidemillErrorOptions) {
    super(
      `[${code}] ${message}`,
      options?.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    this.hint = options?.hint
    this.retryable = options?.retryable ?? false
    this.details = options?.details ?? {}
    this.http = options?.http ?? 500
  }

  /** The message without the code in front of it. */
  get text(): string {
    return this.message.slice(this.code.length + 3)
  }

  /** Link to the page that explains the code, relative to the documentation's root. */
  get docs(): string {
    return `docs/errors.md#${this.code.toLowerCase()}`
  }

  toJSON(): ErrorJson {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      retryable: this.retryable,
      http: this.http,
      details: this.details,
    }
  }
}

// On the prototype, so that the mark survives copies of the package but costs nothing per error.
Object.defineProperty(TidemillError.prototype, brand, { value: true })
