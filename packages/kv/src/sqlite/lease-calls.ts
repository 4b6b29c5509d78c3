import { TidemillError } from '@tidemill/core'
import { notLease, refuse } from '../check.ts'
import type { CallOptions, Leases } from '../kv.ts'
import type { Answers, Command } from './protocol.ts'

export type Call = <K extends Command['kind']>(
  command: Extract<Command, { readonly kind: K }>,
  options: CallOptions | undefined,
  bytes?: number,
) => Promise<Answers[K]>

/** The lease calls of the port as commands; `newId` chooses ids at random. */
export function createLeaseCalls(call: Call, newId: () => bigint): Leases {
  return {
    async grant(ttl, options = {}) {
      const integer = Number.isSafeInteger(ttl)
        ? []
        : [{ path: '/ttl', message: 'is not a whole number of seconds', received: String(ttl) }]
      refuse('leases.grant', [...integer, ...notLease('/id', options.id ?? 0n)])
      const { id = 0n } = options
      if (id !== 0n) return call({ kind: 'grant', id, ttl }, options)
      for (;;) {
        try {
          return await call({ kind: 'grant', id: newId(), ttl }, options)
        } catch (error) {
          // An id that chance has chosen before: choose again.
          if (!TidemillError.is(error, 'TM_KV_LEASE_EXISTS')) throw error
        }
      }
    },
    async revoke(id, options) {
      refuse('leases.revoke', notLease('/id', id))
      return call({ kind: 'revoke', id }, options)
    },
    async keepAlive(id, options) {
      refuse('leases.keepAlive', notLease('/id', id))
      return call({ kind: 'keepAlive', id }, options)
    },
    async timeToLive(id, options = {}) {
      refuse('leases.timeToLive', notLease('/id', id))
      return call({ kind: 'timeToLive', id, keys: options.keys ?? false }, options)
    },
    list: (options) => call({ kind: 'leases' }, options),
  }
}
