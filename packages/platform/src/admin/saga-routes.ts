import type { Sagas } from '@tidemill/saga'
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
