import { type Batch, type Key, type Kv, prefix, text } from '@tidemill/kv'
import type { Logger } from '@tidemill/core'
import type { Configuration, ObjectChange } from './configuration.ts'

/** Keeps a configuration equal to what lies in kv below a prefix. */
export interface KvSource {
  /** Resolves when everything up to that revision is in force. */
  applied(revision: number): Promise<void>
  close(): Promise<void>
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
  const waiting: { readonly revision: number; readonly done: () => void }[] = []
  let applied = 0
  // A burst of changes is one rebuild; a single change waits 5 ms for company.
  const watch = kv.watch(prefix(`${root}/`), {
    initial: true,
    window: { ms: 5, maxWaitMs: 50 },
  })
  const first = new Promise<void>((resolve) => waiting.push({ revision: 0, done: resolve }))
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
  await Promise.race([first, watch.ended])
  return {
    applied: (revision) =>
      revision <= applied
        ? Promise.resolve()
        : new Promise<void>((resolve) => waiting.push({ revision, done: resolve })),
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
