import type { Problem } from '@tidemill/core'
import { type Address, distinctAddresses, formatAddress } from './address.ts'
import type { ChannelConnection } from './channel-connection.ts'
import { JsonPlace } from './json-check.ts'
import type { Balancer, BalancerHost, BalancerPolicy } from './load-balancer.ts'
import { failingPicker, type Picker, waitingPicker } from './picker.ts'
import type { Subchannel } from './subchannel.ts'

/** `round_robin`: a connection to every address, calls in turn over those that are ready. */
export const roundRobin: BalancerPolicy = {
  check(config) {
    const problems: Problem[] = []
    new JsonPlace(config, '', problems).object([])
    return problems
  },
  create: (host) => new RoundRobin(host),
}

class RotatingPicker<C extends ChannelConnection> implements Picker<C> {
  readonly failure: undefined = undefined
  readonly #ready: readonly Subchannel<C>[]
  #next: number

  constructor(ready: readonly Subchannel<C>[], start: number) {
    this.#ready = ready
    this.#next = start
  }

  pick(): C | undefined {
    const count = this.#ready.length
    for (let tried = 0; tried < count; tried++) {
      const subchannel = this.#ready[this.#next] as Subchannel<C>
      this.#next = this.#next + 1 === count ? 0 : this.#next + 1
      const connection = subchannel.take()
      if (connection !== undefined) return connection
    }
    return undefined
  }
}

interface Entry<C extends ChannelConnection> {
  readonly subchannel: Subchannel<C>
  /** It has failed and has not been ready since: then connecting again does not make the channel look better. */
  failing: boolean
}

class RoundRobin<C extends ChannelConnection> implements Balancer {
  readonly #host: BalancerHost<C>
  readonly #entries = new Map<string, Entry<C>>()
  /** Which were ready when the present picker was made. */
  #rotation: readonly Subchannel<C>[] = []
  #failure = ''
  #updating = false

  constructor(host: BalancerHost<C>) {
    this.#host = host
  }

  update(addresses: readonly Address[]): void {
    const distinct = distinctAddresses(addresses)
    const wanted = new Set(distinct.map(formatAddress))
    this.#updating = true
    for (const [key, entry] of this.#entries) {
      if (wanted.has(key)) continue
      this.#entries.delete(key)
      entry.subchannel.close()
    }
    for (const address of distinct) {
      const key = formatAddress(address)
      if (!this.#entries.has(key)) this.#add(key, address)
    }
    this.#updating = false
    this.#publish()
  }

  failed(message: string): void {
    this.close()
    this.#rotation = []
    this.#host.update('TRANSIENT_FAILURE', failingPicker(message))
  }

  /** Nothing to do: every backend that can be connected is, or waits for its backoff. */
  connect(): void {}

  close(): void {
    for (const { subchannel } of this.#entries.values()) subchannel.close()
    this.#entries.clear()
  }

  #add(key: string, address: Address): void {
    const subchannel: Subchannel<C> = this.#host.subchannel(address, {
      changed: () => this.#changed(entry),
      slots: () => this.#host.retryPicks(),
    })
    const entry: Entry<C> = { subchannel, failing: false }
    this.#entries.set(key, entry)
    subchannel.connect()
  }

  #changed(entry: Entry<C>): void {
    const { subchannel } = entry
    switch (subchannel.state) {
      case 'READY':
        entry.failing = false
        break
      case 'TRANSIENT_FAILURE':
        entry.failing = true
        this.#failure = subchannel.failure
        this.#host.resolve()
        break
      case 'IDLE':
        if (!entry.failing) this.#host.resolve()
        subchannel.connect()
        break
      case 'CONNECTING':
      case 'SHUTDOWN':
        break
    }
    if (!this.#updating) this.#publish()
  }

  #publish(): void {
    const entries = [...this.#entries.values()]
    const ready = entries
      .map((entry) => entry.subchannel)
      .filter((subchannel) => subchannel.state === 'READY')
    if (ready.length > 0) {
      if (sameItems(ready, this.#rotation)) return
      this.#rotation = ready
      // From a random place: clients that start together must not all begin with the same backend (gRPC LB policies).
      const start = this.#host.random.integer(ready.length)
      this.#host.update('READY', new RotatingPicker(ready, start))
      return
    }
    this.#rotation = []
    if (entries.every((entry) => entry.failing)) {
      const message = `no connection to any backend; the last failure: ${this.#failure}`
      this.#host.update('TRANSIENT_FAILURE', failingPicker(message))
    } else this.#host.update('CONNECTING', waitingPicker)
  }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index])
}
