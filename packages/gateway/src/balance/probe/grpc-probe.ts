import { type Channel, type ClientTls, createChannel } from '@tidemill/rpc'
import { checkHealth } from '@tidemill/rpc/health'
import type { HealthCheckConfig } from '../health-check-spec.ts'
import type { Probe, ProbeFactory } from '../health-checker.ts'
import type { Host } from '../host.ts'

export interface GrpcProbeOptions {
  /** Speaks TLS with these options; `true` trusts the authorities of Node. */
  readonly tls?: ClientTls | true
}

/** Passes when `grpc.health.v1.Health/Check` answers SERVING; the connection is kept for the next check. */
export function grpcProbe(config: HealthCheckConfig, options: GrpcProbeOptions = {}): ProbeFactory {
  return (host) => new GrpcProbe(host, config, options)
}

class GrpcProbe implements Probe {
  readonly #host: Host
  readonly #config: HealthCheckConfig
  readonly #options: GrpcProbeOptions
  #channel: Channel | undefined = undefined
  #round = 0

  constructor(host: Host, config: HealthCheckConfig, options: GrpcProbeOptions) {
    this.#host = host
    this.#config = config
    this.#options = options
  }

  check(done: (failure: string | undefined) => void): void {
    const round = ++this.#round
    this.#channel ??= this.#open()
    // A check is no part of a call that happens to be served when it starts.
    const options = { deadline: this.#config.timeoutMs, detached: true }
    checkHealth(this.#channel, this.#config.service, options).then(
      (status) => {
        if (round === this.#round) done(status === 'SERVING' ? undefined : `status ${status}`)
      },
      (error: unknown) => {
        if (round !== this.#round) return
        // A channel that failed waits longer and longer before it connects again; the next check must not.
        this.#drop()
        done(error instanceof Error ? error.message : String(error))
      },
    )
  }

  cancel(): void {
    this.#round++
    this.#drop()
  }

  close(): void {
    this.cancel()
  }

  #open(): Channel {
    const { host } = this.#config
    const { tls } = this.#options
    return createChannel(this.#host.key, {
      ...(host === '' ? {} : { authority: host }),
      ...(tls === undefined ? {} : { tls }),
    })
  }

  #drop(): void {
    void this.#channel?.close()
    this.#channel = undefined
  }
}
