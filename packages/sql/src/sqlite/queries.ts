import { type ErrorJson, TidemillError } from '@tidemill/core'
import { createLink, type Link } from './link.ts'
import type { Faults, QueriesAnswer, QueryMessage, RowsAnswer } from './messages.ts'

export interface QueuedQuery {
  readonly message: QueryMessage
  readonly resolve: (answer: RowsAnswer) => void
  readonly reject: (error: unknown) => void
}

/** Sends the queries as one message and gives each its rows or its error. */
export async function answerQueries(link: Link, queries: readonly QueuedQuery[]): Promise<void> {
  try {
    const messages = queries.map((query) => query.message)
    const answer = (await link.request({ kind: 'queries', queries: messages })) as QueriesAnswer
    for (const [index, query] of queries.entries()) {
      const result = answer.results[index]
      if (result === undefined || 'code' in result) {
        query.reject(TidemillError.fromJSON(result as ErrorJson))
      } else {
        query.resolve(result)
      }
    }
  } catch (error) {
    for (const query of queries) query.reject(error)
  }
}

/** A reader thread that starts with its first query, and anew with the first one after its death. */
export interface LazyReader {
  link(): Link
  close(): Promise<void>
}

export function createLazyReader(
  options: { readonly url: string; readonly file: string; readonly faults: Faults | null },
  lost: (reason: string) => void,
): LazyReader {
  const { url, file, faults } = options
  let current: Link | undefined
  return {
    link: () =>
      (current ??= createLink(
        { role: 'reader', url, file, faults },
        {
          lost(reason) {
            current = undefined
            lost(reason)
          },
          readOnly: () => undefined,
        },
      )),
    async close() {
      const link = current
      await link?.request({ kind: 'close' }).catch(() => undefined)
      await link?.end()
    },
  }
}
