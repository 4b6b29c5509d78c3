import { type Batch, type Key, type Kv, prefix, text } from '@tidemill/kv'
import type { Logger } from '@tidemill/core'
import type { Configuration, ObjectChange } from './configuration.ts'
import { gatewayErrors } from './errors.ts'

/** Keeps a configuration equal to what lies in kv below a prefix. */
export interface KvSource {
  /** Resolves when everything up to that revision is in force; rejects when kv is not followed any more. */
  applied(revision: number): Promise<void>
  close(): Promise<void>
}

interface Waiter {
  readonly revision: number
  readonly done: () => void
  readonly fail: (error: unknown) => void
}

const folders = { route: 'routes', policy: 'policies' } as const

/** The kv key of an object: `<root>/routes/<namespace>/<name>`. */
export function storageKey(root: string, kind: 'route' | 'policy', key: string): Key {
  return `${root}/${folders[kind]}/${key}`
}

/** Reads what is there, then follows changes; resolves when what was there is in force. */
export async function followKv(
  kv: Kv,
  root: string,
  configuration: Configuration,
  logger: Logger,
): Promise<KvSource> {
  const waiting: Waiter[] = []
  let applied = 0
  let ended: unknown
  // A burst of changes is one rebuild; a single change waits 5 ms for company.
  const watch = kv.watch(prefix(`${root}/`), {
    initial: true,
    window: { ms: 5, maxWaitMs: 50 },
  })
  const reach = (revision: number): Promise<void> =>
    new Promise((done, fail) => {
      if (ended !== undefined) fail(ended)
      else waiting.push({ revision, done, fail })
    })
  const end = (error: unknown): void => {
    ended ??= error
    for (const waiter of waiting.splice(0)) waiter.fail(error)
  }
  const first = reach(0)
  watch.ended.then(
    () => end(gatewayErrors.error('TM_GATEWAY_CLOSED')),
    (error: unknown) => {
      logger.log('error', 'gateway configuration is not followed any more', { error })
      end(error)
    },
  )
  watch.on((batch) => {
    const changes = batch.changes.flatMap((change) => readChange(root, change))
    const rebuilt = configuration.apply(changes, batch.revision, batch.snapshot)
    applied = batch.revision
    for (const waiter of waiting.splice(0)) {
      if (waiter.revision <= applied) waiter.done()
      else waiting.push(waiter)
    }
    logger.log('debug', 'gateway configuration applied', { revision: applied, rebuilt })
  })
  await first
  return {
    applied: (revision) => (revision <= applied ? Promise.resolve() : reach(revision)),
    close: () => watch.close(),
  }
}

function readChange(root: string, change: Batch['changes'][number]): ObjectChange[] {
  const [folder, ...rest] = text(change.key)
    .slice(root.length + 1)
    .split('/')
  const kind = folder === folders.route ? 'route' : folder === folders.policy ? 'policy' : undefined
  // Other folders of the root belong to later parts of the gateway.
  if (kind === undefined) return []
  return [
    {
      kind,
      key: rest.join('/'),
      text: change.kv === undefined ? undefined : text(change.kv.value),
      revision: change.revisions[1],
    },
  ]
}
