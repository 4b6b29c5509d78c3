import { type Clock, type Closable, type Random, realClock, realRandom } from '@tidemill/core'
import type { HostAddress } from '../balance/host.ts'
import type { ClusterDirectory, ClusterSettings } from '../configuration/cluster-directory.ts'
import { clusterConfig } from './cluster-spec.ts'
import { lookupAddresses, NameResolver, type ResolveName } from './name-resolver.ts'
import { type ClusterEvent, RunningCluster } from './running-cluster.ts'

export interface ClusterRegistryOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** Addresses of a name; default the system's resolver. */
  readonly resolve?: ResolveName
  /** Hosts ejected, unhealthy, in panic: for logs. */
  readonly onEvent?: (event: ClusterEvent) => void
}

/** All clusters of a gateway, by name (`namespace/service:port`). */
export class ClusterRegistry implements ClusterDirectory, Closable {
  readonly #clusters = new Map<string, RunningCluster>()
  readonly #clock: Clock
  readonly #random: Random
  readonly #resolver: NameResolver
  readonly #onEvent: ((event: ClusterEvent) => void) | undefined

  constructor(options: ClusterRegistryOptions = {}) {
    this.#clock = options.clock ?? realClock
    this.#random = options.random ?? realRandom
    this.#resolver = new NameResolver(this.#clock, options.resolve ?? lookupAddresses)
    this.#onEvent = options.onEvent
  }

  /** The cluster of that name; made when missing, then without hosts and with default settings. */
  open(name: string): RunningCluster {
    let cluster = this.#clusters.get(name)
    if (cluster === undefined) {
      cluster = new RunningCluster(name, {
        clock: this.#clock,
        random: this.#random,
        resolver: this.#resolver,
        onEvent: this.#onEvent,
      })
      this.#clusters.set(name, cluster)
    }
    return cluster
  }

  /** Other settings from now on; requests under way go on with those they began with. */
  configure(name: string, settings: ClusterSettings): void {
    this.open(name).configure(clusterConfig(settings))
  }

  /**
   * Its hosts from now on, by address or name; those that are gone finish their requests. Undefined: nobody knows the
   * backend any more.
   */
  setHosts(name: string, hosts: readonly HostAddress[] | undefined): void {
    this.open(name).setHosts(hosts)
  }

  /** Forgets a cluster; its requests under way go on, later ones have no host. */
  drop(name: string): void {
    const cluster = this.#clusters.get(name)
    this.#clusters.delete(name)
    cluster?.drop()
  }

  list(): readonly RunningCluster[] {
    return [...this.#clusters.values()]
  }

  /** Cuts every connection; calls under way fail. */
  close(): Promise<void> {
    for (const cluster of this.#clusters.values()) cluster.close()
    this.#clusters.clear()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
