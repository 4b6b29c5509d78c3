import { createHost, type Host, type HostAddress } from '../balance/index.ts'
import type { ClusterDirectory } from '../configuration/index.ts'
import { gatewayErrors } from '../errors.ts'
import type { Cluster, ClusterStats } from '../upstream/cluster.ts'

/** A cluster that is known by its hosts alone: for whoever explains or checks a configuration and serves nobody. */
class ListedCluster implements Cluster {
  readonly name: string
  registered = false
  hosts: readonly Host[] = []
  readonly active = 0

  constructor(name: string) {
    this.name = name
  }

  send(): never {
    throw gatewayErrors.error('TM_GATEWAY_CLOSED')
  }

  connect(): never {
    throw gatewayErrors.error('TM_GATEWAY_CLOSED')
  }

  stats(): ClusterStats {
    return {
      hosts: this.hosts.map((host) => ({
        key: host.key,
        healthy: host.healthy,
        ejected: host.ejected,
        active: 0,
        connections: 0,
      })),
      active: 0,
      pending: 0,
      connections: 0,
      retries: 0,
      retriesRefused: 0,
      ejections: 0,
      overflows: 0,
    }
  }
}

/** Clusters that are looked at and never used. */
export class ListedClusters implements ClusterDirectory {
  readonly #clusters = new Map<string, ListedCluster>()

  open(name: string): Cluster {
    return this.#open(name)
  }

  configure(): void {
    // Settings matter only to who connects.
  }

  setHosts(name: string, hosts: readonly HostAddress[] | undefined): void {
    const cluster = this.#open(name)
    cluster.registered = hosts !== undefined
    cluster.hosts = (hosts ?? []).map((host) => createHost(host, 0))
  }

  drop(name: string): void {
    this.#clusters.delete(name)
  }

  #open(name: string): ListedCluster {
    let cluster = this.#clusters.get(name)
    if (cluster === undefined) {
      cluster = new ListedCluster(name)
      this.#clusters.set(name, cluster)
    }
    return cluster
  }
}
