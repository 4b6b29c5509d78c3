import { type ErrorCode, type Problem, TidemillError } from './error.ts'
import { coreErrors } from './errors.ts'

/** Media type of a problem document (RFC 9457 section 3). */
export const problemContentType = 'application/problem+json'

/** An error as an HTTP body (RFC 9457), with our code, hint and list of problems as extension members. */
export interface ProblemDocument {
  /** Reference of the page that explains the code; absolute path, so that it means the same on every route. */
  readonly type: string
  /** The same for every occurrence of the code. */
  readonly title: string
  readonly status: number
  /** What happened this time. */
  readonly detail: string
  /** The request that failed, when the server gives one. */
  readonly instance?: string
  readonly code: ErrorCode
  readonly hint?: string
  /** True when the same request may succeed later. */
  readonly retryable: boolean
  /** Everything that is wrong with the request, each with its path. */
  readonly problems?: readonly Problem[]
}

/**
 * The document for any thrown value. What is not a Tidemill error becomes TM_CORE_INTERNAL (500)
 * without its message, which may hold what a caller must not see; log the original.
 */
export function problemDocument(
  error: unknown,
  options: { readonly instance?: string } = {},
): ProblemDocument {
  const known = TidemillError.is(error) ? error : coreErrors.error('TM_CORE_INTERNAL')
  const problems = known.details['problems']
  return {
    type: `/docs/errors#${known.code.toLowerCase()}`,
    title: titleOf(known.code),
    status: known.http,
    detail: known.text,
    ...(options.instance === undefined ? {} : { instance: options.instance }),
    code: known.code,
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    retryable: known.retryable,
    ...(Array.isArray(problems) ? { problems: problems as Problem[] } : {}),
  }
}

/** `TM_SHOP_SKU_UNKNOWN` reads "shop: sku unknown". */
function titleOf(code: ErrorCode): string {
  const [system, ...reason] = code.slice(3).toLowerCase().split('_')
  return `${system}: ${reason.join(' ')}`
}
