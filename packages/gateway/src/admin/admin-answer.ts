import { problemContentType, problemDocument } from '@tidemill/core'

/** What a path of the admin API answers. */
export interface AdminAnswer {
  readonly status: number
  /** A flat list. */
  readonly headers: readonly string[]
  readonly body: string
}

const noStore = ['cache-control', 'no-store'] as const

/** `{"schema", "data"}`, as every document of Tidemill. */
export function document(
  schema: string,
  data: unknown,
  headers: readonly string[] = [],
): AdminAnswer {
  const body = JSON.stringify({ schema: `tidemill.${schema}.v1`, data })
  return {
    status: 200,
    headers: ['content-type', 'application/json', ...noStore, ...headers],
    body,
  }
}

export function text(
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): AdminAnswer {
  return { status, headers: ['content-type', type, ...noStore], body }
}

export function withStatus(answer: AdminAnswer, status: number): AdminAnswer {
  return { ...answer, status }
}

/** RFC 9457. */
export function problem(error: unknown, instance: string): AdminAnswer {
  const found = problemDocument(error, { instance })
  const challenge = found.status === 401 ? ['www-authenticate', 'Bearer realm="tidemill"'] : []
  return {
    status: found.status,
    headers: ['content-type', problemContentType, ...noStore, ...challenge],
    body: JSON.stringify(found),
  }
}
