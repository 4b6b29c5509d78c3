import { type Logger, realClock, realRandom } from '@tidemill/core'
import type { Kv } from '@tidemill/kv'
import { type Configurable, followKv as follow, type KvSource } from './source/kv-source.ts'
import { storageKey as keyOf } from './source/object-key.ts'

export type { KvSource } from './source/kv-source.ts'

export function storageKey(root: string, kind: 'route' | 'policy', key: string): string {
  return keyOf(root, kind === 'route' ? 'HTTPRoute' : 'RoutePolicy', key)
}

export function followKv(
  kv: Kv,
  root: string,
  configuration: Configurable,
  logger: Logger,
): Promise<KvSource> {
  return follow({ kv, root, configuration, logger, clock: realClock, random: realRandom })
}
