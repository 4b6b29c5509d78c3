import type { Clock, TimerWheel } from '@tidemill/core'
import type { ClusterConfig } from './cluster-spec.ts'
import type { ConnectionPool } from './connection-pool.ts'

/** What the pools of a cluster share: its settings and the counts that its limits are about. */
export interface PoolOwner {
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly config: ClusterConfig
  /** Another host waits for a connection that the limit does not allow. */
  readonly crowded: boolean
  /** Whether one more request may wait; counts the refusal. */
  mayWait(): boolean
  waits(change: number): void
  /** Whether one more connection may be opened; when not, the pool is told to `serve` once it may. */
  mayOpen(pool: ConnectionPool): boolean
  /** Nobody waits there any more. */
  content(pool: ConnectionPool): void
  opened(): void
  closed(pool: ConnectionPool): void
}
