import type { ConnectionOptions } from 'node:tls'
import { type Clock, formatDuration, TidemillError } from '@tidemill/core'
import { type ClientExchange, connectHttp1, type Http1Client } from '@tidemill/http1/node'
import type { HealthCheckConfig } from '../health-check-spec.ts'
import type { Probe, ProbeFactory } from '../health-checker.ts'
import type { Host } from '../host.ts'

export interface HttpProbeOptions {
  readonly clock?: Clock
  /** Speaks TLS with these options. */
  readonly tls?: ConnectionOptions
}

/** Largest body that is read to keep the connection. */
const mostBody = 64 * 1024

type Done = (failure: string | undefined) => void

/** Passes when an HTTP/1.1 request gets one of the expected statuses; the connection is kept for the next check. */
export function httpProbe(config: HealthCheckConfig, options: HttpProbeOptions = {}): ProbeFactory {
  return (host) => new HttpProbe(host, config, options)
}

class HttpProbe implements Probe {
  readonly #host: Host
  readonly #config: HealthCheckConfig
  readonly #options: HttpProbeOptions
  #client: Http1Client | undefined = undefined
  /** Changes when a check begins or is given up: what comes for an older one is dropped. */
  #round = 0
  #unread = 0

  constructor(host: Host, config: HealthCheckConfig, options: HttpProbeOptions) {
    this.#host = host
    this.#config = config
    this.#options = options
  }

  check(done: Done): void {
    this.#round++
    if (this.#client?.ready === true) this.#send(this.#client, done, true)
    else this.#connect(done)
  }

  cancel(): void {
    this.#round++
    this.#drop()
  }

  close(): void {
    this.cancel()
  }

  #drop(): void {
    void this.#client?.close()
    this.#client = undefined
  }

  #connect(done: Done): void {
    this.#drop()
    const round = this.#round
    const { address, port } = this.#host
    const { clock, tls } = this.#options
    const limit = formatDuration(Math.ceil(this.#config.timeoutMs))
    connectHttp1({
      host: address,
      port,
      connectTimeout: limit,
      headerTimeout: limit,
      ...(clock === undefined ? {} : { clock }),
      ...(tls === undefined ? {} : { tls }),
    }).then(
      (client) => {
        if (round === this.#round) {
          this.#client = client
          this.#send(client, done, false)
        } else void client.close()
      },
      (error: unknown) => {
        if (round === this.#round) done(reasonOf(error))
      },
    )
  }

  #send(client: Http1Client, done: Done, reused: boolean): void {
    const round = this.#round
    const { expected, host, method, path } = this.#config
    this.#unread = mostBody
    const request = {
      method,
      target: path,
      headers: ['host', host === '' ? this.#host.key : host, 'user-agent', 'tidemill-health'],
    }
    client.request(request, {
      onResponse: (_exchange, { status }) => {
        if (round !== this.#round) return
        const passed = expected.some(([low, high]) => status >= low && status <= high)
        done(passed ? undefined : `status ${status}`)
      },
      onBody: (from: ClientExchange, chunk) => {
        this.#unread -= chunk.length
        if (this.#unread < 0) from.abort()
      },
      onEnd: () => undefined,
      onError: (_exchange, error) => {
        if (round !== this.#round) return
        const details = TidemillError.is(error) ? error.details : {}
        if (details['started'] === true) return
        // The server may have closed an idle connection just then: that says nothing about its health.
        if (reused && TidemillError.is(error, 'TM_HTTP1_CLOSED')) this.#connect(done)
        else done(reasonOf(error))
      },
    })
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
