import type { Clock, Problem, Random } from '@tidemill/core'
import type { Address } from './address.ts'
import type { ChannelConnection } from './channel-connection.ts'
import type { Connectivity } from './connectivity.ts'
import type { MonitorListener, MonitorRequest } from './monitor-stream.ts'
import type { Picker } from './picker.ts'
import type { Subchannel, SubchannelListener } from './subchannel.ts'

/** What a balancing policy may do; given to it by the channel. All calls are made on one thread, none re-entrantly from `create`. */
export interface BalancerHost<C extends ChannelConnection = ChannelConnection> {
  readonly clock: Clock
  readonly random: Random
  /** A new subchannel in IDLE; the policy closes those that it made. */
  subchannel(address: Address, listener: SubchannelListener): Subchannel<C>
  /** What the channel tells its watchers, and who picks from now on. */
  update(state: Connectivity, picker: Picker<C>): void
  /** Calls that wait may find a free slot with the present picker. */
  retryPicks(): void
  /** The addresses look stale. */
  resolve(): void
  /** Keeps a server-streaming call on that connection, for reports of the backend; it does not count as use. */
  monitor(connection: C, request: MonitorRequest, listener: MonitorListener): { cancel(): void }
}

/** One balancing policy at work in one channel. */
export interface Balancer {
  /** The addresses now, at least one. */
  update(addresses: readonly Address[], config: Readonly<Record<string, unknown>>): void
  /** No address is known, or none is left. */
  failed(message: string): void
  /** A call needs a connection, or the application asked for one. */
  connect(): void
  close(): void
}

/** A balancing policy as it stands in `loadBalancingConfig`. */
export interface BalancerPolicy {
  /** True: `healthCheckConfig` has no effect with it, as gRFC A17 demands for pick_first. */
  readonly ignoresHealth?: boolean
  /** What is wrong with the config, paths relative to it; the list is empty when nothing is. */
  check(config: Readonly<Record<string, unknown>>): readonly Problem[]
  create<C extends ChannelConnection>(host: BalancerHost<C>): Balancer
}
