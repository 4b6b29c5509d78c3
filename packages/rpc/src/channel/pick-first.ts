import type { Problem, Timer } from '@tidemill/core'
import { type Address, distinctAddresses, formatAddress, interleaveFamilies } from './address.ts'
import type { ChannelConnection } from './channel-connection.ts'
import { JsonPlace } from './json-check.ts'
import type { Balancer, BalancerHost, BalancerPolicy } from './load-balancer.ts'
import { failingPicker, type Picker, waitingPicker } from './picker.ts'
import type { Subchannel } from './subchannel.ts'

/** How long an attempt runs before the next address is tried beside it (RFC 8305 section 5, gRFC A61). */
export const connectionAttemptDelayMs = 250

/**
 * `pick_first`: one connection, to the first address that answers. Addresses are tried in order, the next one when an
 * attempt failed or took 250 ms. `{ "shuffleAddressList": true }` mixes them first.
 */
export const pickFirst: BalancerPolicy = {
  ignoresHealth: true,
  check(config) {
    const problems: Problem[] = []
    const place = new JsonPlace(config, '', problems).object(['shuffleAddressList'])
    place?.member('shuffleAddressList').boolean()
    return problems
  },
  create: (host) => new PickFirst(host),
}

class SubchannelPicker<C extends ChannelConnection> implements Picker<C> {
  readonly failure: undefined = undefined
  readonly #subchannel: Subchannel<C>

  constructor(subchannel: Subchannel<C>) {
    this.#subchannel = subchannel
  }

  pick(): C | undefined {
    return this.#subchannel.take()
  }
}

class PickFirst<C extends ChannelConnection> implements Balancer {
  readonly #host: BalancerHost<C>
  #addresses: readonly Address[] = []
  /** Those of the present pass, in order of `#addresses`; made when their turn comes. */
  #tried: Subchannel<C>[] = []
  #selected: Subchannel<C> | undefined = undefined
  #stagger: Timer | undefined = undefined
  /** Every address has failed since the last connection: stays so until one is ready (gRFC A62). */
  #failing = false
  #failure = ''
  #phase: 'idle' | 'connecting' | 'ready' = 'idle'

  constructor(host: BalancerHost<C>) {
    this.#host = host
  }

  update(addresses: readonly Address[], config: Readonly<Record<string, unknown>>): void {
    const distinct = distinctAddresses(addresses)
    const ordered =
      config['shuffleAddressList'] === true ? shuffle(distinct, this.#host.random) : distinct
    this.#addresses = interleaveFamilies(ordered)
    const selected = this.#selected
    if (this.#phase === 'ready' && selected !== undefined) {
      const kept = formatAddress(selected.address)
      // A connection that works is not given up for one that stands earlier in the list.
      if (this.#addresses.some((address) => formatAddress(address) === kept)) return
      this.#selected = undefined
      selected.close()
      this.#beIdle()
      return
    }
    if (this.#phase === 'connecting' || this.#failing) this.#begin()
    else this.#beIdle()
  }

  failed(message: string): void {
    this.#abandon()
    this.#selected?.close()
    this.#selected = undefined
    this.#addresses = []
    this.#phase = 'idle'
    this.#failing = true
    this.#host.update('TRANSIENT_FAILURE', failingPicker(message))
  }

  connect(): void {
    if (this.#phase === 'idle' && this.#addresses.length > 0) this.#begin()
  }

  close(): void {
    this.#abandon()
    this.#selected?.close()
    this.#selected = undefined
  }

  #beIdle(): void {
    this.#abandon()
    this.#phase = 'idle'
    this.#failing = false
    this.#host.update('IDLE', waitingPicker)
  }

  #begin(): void {
    this.#abandon()
    this.#phase = 'connecting'
    if (!this.#failing) this.#host.update('CONNECTING', waitingPicker)
    this.#tryNext()
  }

  #tryNext(): void {
    this.#stagger?.cancel()
    this.#stagger = undefined
    const address = this.#addresses[this.#tried.length]
    if (address === undefined) return
    const listener = {
      changed: (): void => this.#changed(subchannel),
      slots: (): void => this.#host.retryPicks(),
    }
    const subchannel: Subchannel<C> = this.#host.subchannel(address, listener)
    this.#tried.push(subchannel)
    if (this.#tried.length < this.#addresses.length) {
      this.#stagger = this.#host.clock.timer(connectionAttemptDelayMs, () => this.#tryNext(), {
        ref: false,
      })
    }
    subchannel.connect()
  }

  #changed(subchannel: Subchannel<C>): void {
    if (subchannel === this.#selected) {
      if (subchannel.state === 'READY') return
      this.#selected = undefined
      subchannel.close()
      this.#beIdle()
      this.#host.resolve()
      return
    }
    if (subchannel.state === 'READY') this.#select(subchannel)
    else if (subchannel.state === 'TRANSIENT_FAILURE') this.#attemptFailed(subchannel)
    // Its backoff is over; the first pass is done by then, or its turn in it has been.
    else if (subchannel.state === 'IDLE') subchannel.connect()
  }

  #select(subchannel: Subchannel<C>): void {
    this.#tried = this.#tried.filter((other) => other !== subchannel)
    this.#abandon()
    this.#selected = subchannel
    this.#phase = 'ready'
    this.#failing = false
    this.#host.update('READY', new SubchannelPicker(subchannel))
  }

  #attemptFailed(subchannel: Subchannel<C>): void {
    this.#failure = subchannel.failure
    const isNewest = subchannel === this.#tried.at(-1)
    if (this.#tried.length < this.#addresses.length) {
      if (isNewest) this.#tryNext()
      return
    }
    const allFailed = this.#tried.every((other) => other.failure !== '')
    if (!allFailed) return
    const first = !this.#failing
    this.#failing = true
    this.#host.update(
      'TRANSIENT_FAILURE',
      failingPicker(`no connection to any address; the last failure: ${this.#failure}`),
    )
    if (first || isNewest) this.#host.resolve()
  }

  #abandon(): void {
    this.#stagger?.cancel()
    this.#stagger = undefined
    for (const subchannel of this.#tried) subchannel.close()
    this.#tried = []
  }
}

function shuffle(
  addresses: readonly Address[],
  random: { integer(below: number): number },
): readonly Address[] {
  const mixed = [...addresses]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    const held = mixed[i] as Address
    mixed[i] = mixed[j] as Address
    mixed[j] = held
  }
  return mixed
}
