import type { Clock, Logger, Timer } from '@tidemill/core'
import { TidemillError } from '@tidemill/core'
import type { CallOptions, Lease, LeaseLost, Leases } from './kv.ts'

export interface LeaseSource {
  readonly leases: Leases
  readonly clock: Clock
  readonly logger: Logger
  /** Called once when the lease is over. */
  readonly onOver: (lease: RunningLease) => void
}

/** A lease as the store's owner sees it: also to be ended from the side of the store. */
export interface RunningLease extends Lease {
  end(reason: LeaseLost['reason']): void
}

/**
 * Grants a lease and keeps it alive on the clock: a keepalive every third of the TTL, lost when the store has it no
 * more or when a whole TTL has passed since the last answered keepalive was *sent* (what was answered late may have
 * expired in between).
 */
export async function createLease(
  source: LeaseSource,
  seconds: number,
  options: CallOptions = {},
): Promise<RunningLease> {
  const { clock, leases, logger } = source
  let sent = clock.monotonic()
  const { id, ttl } = await leases.grant(seconds, options)
  const ttlMs = ttl * 1000
  const lost = Promise.withResolvers<LeaseLost>()
  let over = false
  let timer: Timer | undefined

  const end = (reason: LeaseLost['reason']): void => {
    if (over) return
    over = true
    timer?.cancel()
    lost.resolve({ id, reason })
    source.onOver(lease)
  }
  const renew = async (): Promise<void> => {
    const at = clock.monotonic()
    try {
      if ((await leases.keepAlive(id)) === 0) end('expired')
      else sent = at
    } catch (error) {
      logger.log('warn', 'a keepalive failed', { lease: String(id), error: String(error) })
    }
  }
  const beat = (): void => {
    if (over) return
    if (clock.monotonic() - sent >= ttlMs) {
      end('expired')
      return
    }
    void renew()
    next()
  }
  const next = (): void => {
    const left = sent + ttlMs - clock.monotonic()
    timer = clock.timer(Math.min(ttlMs / 3, Math.max(left, 0)), beat, { ref: false })
  }
  const revoke = async (): Promise<void> => {
    if (over) return
    try {
      await leases.revoke(id)
    } catch (error) {
      if (!TidemillError.is(error, 'TM_KV_LEASE_NOT_FOUND')) throw error
    }
    end('revoked')
  }
  const lease: RunningLease = {
    id,
    ttl,
    get alive() {
      return !over && clock.monotonic() - sent < ttlMs
    },
    lost: lost.promise,
    timeToLive: (about) => leases.timeToLive(id, about),
    revoke,
    end,
    [Symbol.asyncDispose]: revoke,
  }
  next()
  return lease
}
