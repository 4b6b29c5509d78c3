import { type Change, type Kv, type KeyValue, prefix, text } from '@tidemill/kv'
import type { KvDocument } from '../documents.ts'
import { platformErrors } from '../errors.ts'
import { type AdminRoute, queryInteger } from './route-table.ts'

/** Keys and values as text, for people: `tidemill kv` and the console. */
export function kvRoutes(kv: Kv): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/kv',
      summary: 'all keys under ?prefix=',
      async handle({ query }) {
        const range = prefix(query.get('prefix') ?? '')
        const found = await kv.range(range, { limit: queryInteger(query, 'limit', 1000, 10_000) })
        const data = { revision: found.revision, more: found.more, items: found.kvs.map(entry) }
        return { schema: 'tidemill.kv.v1', data }
      },
    },
    {
      method: 'GET',
      path: '/api/v1/kv-watch',
      summary: 'changes under ?prefix= as server-sent events',
      handle({ query }) {
        const range = prefix(query.get('prefix') ?? '')
        return {
          stream(response) {
            response.writeHead(200, {
              'content-type': 'text/event-stream',
              'cache-control': 'no-store',
            })
            const watch = kv.watch(range, { delivery: 'each' })
            response.on('close', () => watch.cancel())
            watch.on(async (batch) => {
              let flowing = true
              for (const change of batch.changes) {
                flowing = response.write(
                  `event: change\ndata: ${JSON.stringify(changeView(change))}\n\n`,
                )
              }
              // The watch holds back (and merges) while this reader is slow.
              if (!flowing && !response.destroyed) {
                await new Promise<void>((resolve) => {
                  response.once('drain', resolve)
                  response.once('close', resolve)
                })
              }
            })
            watch.ended.then(
              () => response.end(),
              () => response.destroy(),
            )
            watch.ready.then(
              (revision) =>
                response.write(`event: ready\ndata: ${JSON.stringify({ revision })}\n\n`),
              () => response.destroy(),
            )
          },
        }
      },
    },
    {
      method: 'GET',
      path: '/api/v1/kv/*key',
      summary: 'one key',
      async handle({ params }) {
        const key = params['key'] ?? ''
        const found = await kv.get(key)
        if (found === undefined)
          throw platformErrors.error('TM_PLATFORM_NOT_FOUND', { what: 'key', id: key })
        return { schema: 'tidemill.kv-entry.v1', data: entry(found) }
      },
    },
    {
      method: 'PUT',
      path: '/api/v1/kv/*key',
      summary: 'write {"value": TEXT}',
      async handle({ params, body }) {
        const value = (body as { readonly value?: unknown } | undefined)?.value
        if (typeof value !== 'string') {
          throw platformErrors.error('TM_PLATFORM_REQUEST', {
            what: 'the body must be {"value": TEXT}',
            problems: [{ path: '/value', message: 'is not a text' }],
          })
        }
        const { revision } = await kv.put(params['key'] ?? '', value)
        return { schema: 'tidemill.kv-put.v1', data: { revision } }
      },
    },
    {
      method: 'DELETE',
      path: '/api/v1/kv/*key',
      summary: 'delete a key, or with ?prefix=true all keys under it',
      async handle({ params, query }) {
        const key = params['key'] ?? ''
        const { deleted, revision } = await kv.delete(
          query.get('prefix') === 'true' ? prefix(key) : key,
        )
        return { schema: 'tidemill.kv-del.v1', data: { deleted, revision } }
      },
    },
  ]
}

function entry(kv: KeyValue): KvDocument {
  return {
    key: text(kv.key),
    value: text(kv.value),
    version: kv.version,
    createRevision: kv.createRevision,
    modRevision: kv.modRevision,
  }
}

function changeView(change: Change): Readonly<Record<string, string | number | null>> {
  return {
    type: change.type,
    key: text(change.key),
    value: change.kv === undefined ? null : text(change.kv.value),
    revision: change.revisions[1],
  }
}
