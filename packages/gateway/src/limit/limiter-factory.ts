import type { Clock } from '@tidemill/core'
import type { LeaseClient } from './lease-client.ts'
import { limitConfig, type LimitSpec } from './limit-spec.ts'
import type { Limiter } from './limiter.ts'
import { LocalLimiter } from './local-limiter.ts'

export interface LimiterOptions {
  readonly clock?: Clock
  /** This worker's end of the node's coordinator; a limit of scope `node` without it is local. */
  readonly leases?: LeaseClient | undefined
  /** Name of the limit among all of the node, the same in every worker; default its own name. */
  readonly id?: string
}

/** Makes a limiter; throws TM_GATEWAY_LIMIT_INVALID for settings that are not valid. */
export function createLimiter(spec: LimitSpec, options: LimiterOptions = {}): Limiter {
  const config = limitConfig(spec)
  const { leases } = options
  if (config.scope === 'node' && leases !== undefined) {
    return leases.limiter(config, options.id ?? config.name)
  }
  return new LocalLimiter(config, options.clock)
}
