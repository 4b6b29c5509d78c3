import { parseJson, type Problem } from '@tidemill/core'
import type { RequestHead } from '@tidemill/http1'
import { gatewayErrors } from '../errors.ts'
import { type Fields, isFields, ObjectCheck } from '../object-check.ts'

/** A request of the admin API with its whole body. */
export class AdminRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly #head: RequestHead
  readonly #body: string

  constructor(head: RequestHead, body: string) {
    this.method = head.method
    this.path = head.path
    this.query = new URLSearchParams(head.query)
    this.#head = head
    this.#body = body
  }

  /** The first field of that name, in lower case. */
  header(name: string): string | undefined {
    const { headers } = this.#head
    for (let i = 0; i < headers.length; i += 2) {
      if (headers[i]?.toLowerCase() === name) return headers[i + 1]
    }
    return undefined
  }

  /** The body as JSON; TM_GATEWAY_ADMIN_BODY for anything else. */
  json(): unknown {
    try {
      return parseJson(this.#body)
    } catch (error) {
      const reason = `it is no JSON (${(error as Error).message})`
      throw gatewayErrors.error('TM_GATEWAY_ADMIN_BODY', { reason }, { cause: error })
    }
  }

  /** The body as an object whose fields `read` looks at; an empty body is an empty object. */
  fields<T>(read: (fields: Fields, check: ObjectCheck) => T): T {
    const value = this.#body === '' ? {} : this.json()
    if (!isFields(value)) {
      throw gatewayErrors.error('TM_GATEWAY_ADMIN_BODY', { reason: 'it is no JSON object' })
    }
    const problems: Problem[] = []
    const result = read(value, new ObjectCheck(problems))
    if (problems.length > 0) {
      const reason = problems.map((one) => `${one.path} ${one.message}`).join('; ')
      throw gatewayErrors.error('TM_GATEWAY_ADMIN_BODY', { reason, problems })
    }
    return result
  }

  /** A whole number of the query, within bounds. */
  whole(name: string, fallback: number, most: number): number {
    const given = this.query.get(name)
    if (given === null) return fallback
    const number = Number(given)
    if (!/^\d+$/u.test(given) || number > most) {
      const reason = `${name} must be a whole number up to ${most}`
      throw gatewayErrors.error('TM_GATEWAY_ADMIN_BODY', { reason })
    }
    return number
  }

  flag(name: string): boolean {
    const given = this.query.get(name)
    return given !== null && given !== 'false' && given !== '0'
  }
}
