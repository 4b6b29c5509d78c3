import type { Clock } from '@tidemill/core'

/** One call from one part of the shop to another on behalf of an order. */
export interface Hop {
  /** When it began, milliseconds since 1970. */
  readonly at: number
  readonly from: string
  readonly to: string
  /** What was called, for example `Step deduct_stock`. */
  readonly call: string
  readonly ms: number
  /** `OK`, or the name of a gRPC status or the code of an error. */
  readonly status: string
  /** Milliseconds that were left of the deadline when it began; null for none. */
  readonly leftMs: number | null
}

export interface HopStart {
  readonly from: string
  readonly to: string
  readonly call: string
  /** Milliseconds left; Infinity or undefined for no deadline. */
  readonly leftMs: number | undefined
}

/** The calls made for the orders of late, in memory: what a restart forgets, the events and sagas still tell. */
export interface HopLog {
  /** Makes the call and notes it under `key`, an order's or a request's id; without a key it is not noted. */
  follow<T>(key: string | undefined, start: HopStart, call: () => Promise<T>): Promise<T>
  /** In the order in which they began. */
  of(keys: readonly string[]): readonly Hop[]
}

export interface HopLogOptions {
  readonly clock: Clock
  /** The name under which a failure is noted. */
  readonly statusOf: (error: unknown) => string
  /** Keys remembered; the oldest is forgotten first. */
  readonly keys?: number
}

/** Calls are noted when they end, the inner ones first, and read in the order in which they began. */
interface NotedHop {
  readonly order: number
  readonly hop: Hop
}

/** Calls noted of one key; a saga that is retried for days must not fill the memory. */
const hopsPerKey = 64

export function createHopLog({ clock, statusOf, keys = 5000 }: HopLogOptions): HopLog {
  const byKey = new Map<string, NotedHop[]>()
  let calls = 0
  const note = (key: string, hop: NotedHop): void => {
    let hops = byKey.get(key)
    if (hops === undefined) {
      hops = []
      byKey.set(key, hops)
      if (byKey.size > keys) {
        const [oldest] = byKey.keys()
        if (oldest !== undefined) byKey.delete(oldest)
      }
    }
    if (hops.length < hopsPerKey) hops.push(hop)
  }
  return {
    async follow(key, { leftMs = Infinity, ...start }, call) {
      if (key === undefined) return call()
      const left = Number.isFinite(leftMs) ? leftMs : null
      const order = calls++
      const at = clock.now()
      const began = clock.monotonic()
      let status = 'OK'
      try {
        return await call()
      } catch (error) {
        status = statusOf(error)
        throw error
      } finally {
        note(key, {
          order,
          hop: { ...start, leftMs: left, at, ms: clock.monotonic() - began, status },
        })
      }
    },
    of: (wanted) =>
      wanted
        .flatMap((key) => byKey.get(key) ?? [])
        .toSorted((a, b) => a.order - b.order)
        .map(({ hop }) => hop),
  }
}
