import type { Json, Sagas } from '@tidemill/saga'
import { platformErrors } from '../errors.ts'
import { type AdminRoute, queryInteger } from './route-table.ts'

type ListOptions = NonNullable<Parameters<Sagas['list']>[0]>

/** Sagas for people: list, one, and the operator's actions. */
export function sagaRoutes(sagas: Sagas): readonly AdminRoute[] {
  const one = async (id: string): Promise<unknown> => {
    const found = await sagas.get(id)
    if (found === undefined)
      throw platformErrors.error('TM_PLATFORM_NOT_FOUND', { what: 'saga', id })
    return found
  }
  return [
    {
      method: 'GET',
      path: '/api/v1/sagas',
      summary: 'sagas, newest first, ?state= filters',
      async handle({ query }) {
        const state = query.get('state')
        const items = await sagas.list({
          limit: queryInteger(query, 'limit', 50, 500),
          ...(state === null ? {} : { state: state as NonNullable<ListOptions['state']> }),
        })
        const full = await Promise.all(items.map((saga) => sagas.get(saga.id)))
        return { schema: 'tidemill.sagas.v1', data: { items: full } }
      },
    },
    {
      method: 'GET',
      path: '/api/v1/sagas/:id',
      summary: 'one saga with its steps',
      handle: async ({ params }) => ({
        schema: 'tidemill.saga.v1',
        data: await one(params['id'] ?? ''),
      }),
    },
    {
      method: 'GET',
      path: '/api/v1/dead-letters',
      summary: 'messages that were given up on, oldest first',
      async handle({ query }) {
        const items = await sagas.deadLetters({ limit: queryInteger(query, 'limit', 50, 500) })
        return { schema: 'tidemill.dead-letters.v1', data: { items } }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/dead-letters/:id/redrive',
      summary: 'puts one back, with {"payload"} in place of its own if given',
      async handle({ params, body }) {
        const id = deadLetterId(params['id'])
        const { payload } = (body ?? {}) as { readonly payload?: Json }
        await sagas.redrive(id, payload === undefined ? {} : { payload })
        return { schema: 'tidemill.dead-letter.v1', data: { id, action: 'redrive' } }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/dead-letters/:id/discard',
      summary: 'gives up on one for good, for the {"reason"} that is kept',
      async handle({ params, body }) {
        const id = deadLetterId(params['id'])
        const { reason } = (body ?? {}) as { readonly reason?: unknown }
        if (typeof reason !== 'string' || reason === '') {
          throw platformErrors.error('TM_PLATFORM_REQUEST', {
            what: 'a dead letter is discarded for a reason',
            problems: [{ path: '/reason', message: 'must be a text that is not empty' }],
          })
        }
        await sagas.discard(id, reason)
        return { schema: 'tidemill.dead-letter.v1', data: { id, action: 'discard' } }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/sagas/:id/retry',
      summary: 'run the waiting step now',
      async handle({ params }) {
        const id = params['id'] ?? ''
        await one(id)
        await sagas.retry(id)
        return { schema: 'tidemill.saga.v1', data: await one(id) }
      },
    },
    {
      method: 'POST',
      path: '/api/v1/sagas/:id/compensate',
      summary: 'give the saga up and undo its steps',
      async handle({ params }) {
        const id = params['id'] ?? ''
        await one(id)
        await sagas.compensate(id)
        return { schema: 'tidemill.saga.v1', data: await one(id) }
      },
    },
  ]
}

function deadLetterId(text: string | undefined): number {
  const id = Number(text)
  if (Number.isSafeInteger(id) && id > 0) return id
  throw platformErrors.error('TM_PLATFORM_NOT_FOUND', { what: 'dead letter', id: text ?? '' })
}
