import { type ErrorCode, type ErrorDetails, TidemillError } from './error.ts'

/** One row of a package's error table. `{name}` in a text is filled from the details of that name. */
export interface ErrorRow {
  readonly message: string
  /** What to do next, in one sentence. */
  readonly hint: string
  /** The same two texts in Chinese, for the docs and `tidemill errors CODE`. */
  readonly zh: { readonly message: string; readonly hint: string }
  readonly http: number
  readonly retryable?: boolean
}

/** All the errors of one package; feeds the throw sites, `docs/errors.md` and `tidemill errors CODE`. */
export interface ErrorTable<Code extends ErrorCode> {
  readonly system: string
  readonly rows: Readonly<Record<Code, ErrorRow>>
  /** Makes (does not throw) the error of that code, its texts filled from `details`. */
  error(code: Code, details?: ErrorDetails, options?: { readonly cause?: unknown }): TidemillError
}

/** Declares a package's error table; the codes become a closed union. */
export function errorTable<const Rows extends Readonly<Record<ErrorCode, ErrorRow>>>(
  system: string,
  rows: Rows,
): ErrorTable<Extract<keyof Rows, ErrorCode>> {
  return {
    system,
    rows,
    error(code, details = {}, options = {}) {
      const row = rows[code] as ErrorRow
      return new TidemillError(code, fill(row.message, details), {
        hint: fill(row.hint, details),
        http: row.http,
        retryable: row.retryable ?? false,
        details,
        ...(options.cause === undefined ? {} : { cause: options.cause }),
      })
    },
  }
}

function fill(template: string, details: ErrorDetails): string {
  return template.replaceAll(/\{(\w+)\}/gu, (whole, key: string) => {
    const value = Object.hasOwn(details, key) ? details[key] : undefined
    return value === undefined ? whole : typeof value === 'string' ? value : JSON.stringify(value)
  })
}
