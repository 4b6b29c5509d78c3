import type { Socket } from 'node:net'
import { attempt, type Host } from '../balance/host.ts'
import type { Connector } from './connector.ts'
import type { RunningCluster } from './running-cluster.ts'
import type { UpstreamFailure } from './upstream-call.ts'

/** Hosts that are tried for one connection of bytes. */
const mostHosts = 3

type Done = (socket: Socket | undefined, failure?: UpstreamFailure) => void

function failure(kind: UpstreamFailure['kind'], reason: string): UpstreamFailure {
  return { kind, reason, responded: false, processed: false }
}

/** Opens a connection to a host for a route of bytes; a host that cannot be reached is passed over. */
export function openByteStream(
  cluster: RunningCluster,
  connector: Connector,
  hash: number,
  done: Done,
): void {
  const { config } = cluster
  if (cluster.active >= config.active) {
    const reason = `${config.active} requests and connections are under way already`
    queueMicrotask(() => done(undefined, failure('overflow', reason)))
    return
  }
  new ByteStreamOpening(cluster, connector, hash, done).next()
}

class ByteStreamOpening {
  readonly #cluster: RunningCluster
  readonly #connector: Connector
  readonly #hash: number
  readonly #done: Done
  readonly #tried: Host[] = []

  constructor(cluster: RunningCluster, connector: Connector, hash: number, done: Done) {
    this.#cluster = cluster
    this.#connector = connector
    this.#hash = hash
    this.#done = done
  }

  next(reason?: string): void {
    const cluster = this.#cluster
    const host = cluster.pick(this.#hash, this.#tried)
    if (host === undefined || this.#tried.includes(host) || this.#tried.length === mostHosts) {
      const why =
        reason === undefined ? failure('no-host', cluster.emptyReason) : failure('connect', reason)
      queueMicrotask(() => this.#done(undefined, why))
      return
    }
    this.#tried.push(host)
    this.#open(host)
  }

  #open(host: Host): void {
    const cluster = this.#cluster
    const { balancer, clock } = cluster
    const startedAt = clock.monotonic()
    host.active++
    cluster.active++
    cluster.opened()
    balancer.started(host)
    let connectMs = 0
    const release = (outcome: number): void => {
      host.active--
      cluster.callOver()
      cluster.closed()
      balancer.finished(host, connectMs, outcome)
    }
    this.#connector.openPlain(host, {
      onSocket: (socket) => {
        connectMs = clock.monotonic() - startedAt
        cluster.record(host, 200)
        socket.on('close', () => release(200))
        this.#done(socket)
      },
      onNoSocket: (reason) => {
        connectMs = clock.monotonic() - startedAt
        cluster.record(host, attempt.connect)
        release(attempt.connect)
        this.next(reason)
      },
    })
  }
}
