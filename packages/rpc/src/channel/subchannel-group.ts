import type { Address } from './address.ts'
import type { ChannelConnection } from './channel-connection.ts'
import type { Connectivity } from './connectivity.ts'
import {
  SingleSubchannel,
  type Subchannel,
  type SubchannelContext,
  type SubchannelListener,
} from './subchannel.ts'

/**
 * Several connections to one address that look like one subchannel (option `connections`): READY while one of them is,
 * calls in turn over those that are. Once it was told to connect it keeps all of them connected.
 */
export class SubchannelGroup<C extends ChannelConnection> implements Subchannel<C> {
  readonly address: Address
  readonly #members: readonly SingleSubchannel<C>[]
  readonly #listener: SubchannelListener
  #state: Connectivity = 'IDLE'
  #failure = ''
  #next = 0

  constructor(
    address: Address,
    count: number,
    context: SubchannelContext<C>,
    listener: SubchannelListener,
  ) {
    this.address = address
    this.#listener = listener
    const forward: SubchannelListener = {
      changed: () => this.#changed(),
      slots: () => listener.slots(),
    }
    this.#members = Array.from(
      { length: count },
      () => new SingleSubchannel(address, context, forward),
    )
  }

  get state(): Connectivity {
    return this.#state
  }

  get failure(): string {
    return this.#failure
  }

  connect(): void {
    if (this.#state === 'IDLE') for (const member of this.#members) member.connect()
  }

  take(): C | undefined {
    const count = this.#members.length
    for (let tried = 0; tried < count; tried++) {
      const member = this.#members[this.#next] as SingleSubchannel<C>
      this.#next = this.#next + 1 === count ? 0 : this.#next + 1
      const connection = member.take()
      if (connection !== undefined) return connection
    }
    return undefined
  }

  connections(): readonly C[] {
    return this.#members.flatMap((member) => member.connections())
  }

  close(): void {
    this.#state = 'SHUTDOWN'
    for (const member of this.#members) member.close()
  }

  #changed(): void {
    if (this.#state === 'SHUTDOWN') return
    const ready = this.#members.some((member) => member.state === 'READY')
    if (ready) for (const member of this.#members) member.connect()
    this.#failure = this.#members.find((member) => member.failure !== '')?.failure ?? ''
    const state = this.#aggregate()
    const newcomer = state === 'READY' && this.#state === 'READY'
    if (state === this.#state && !newcomer) return
    this.#state = state
    // Another connection of a ready group: calls that wait for a slot find one on it.
    if (newcomer) this.#listener.slots()
    else this.#listener.changed()
  }

  #aggregate(): Connectivity {
    const states = new Set(this.#members.map((member) => member.state))
    for (const state of ['READY', 'CONNECTING', 'IDLE'] as const) {
      if (states.has(state)) return state
    }
    return 'TRANSIENT_FAILURE'
  }
}
