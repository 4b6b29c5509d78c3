import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { DurationSchema } from '@bufbuild/protobuf/wkt'
import { type Duration, parseDuration, type Timer } from '@tidemill/core'
import {
  type OrcaLoadReport,
  OrcaLoadReportSchema,
} from '../gen/xds/data/orca/v3/orca_load_report_pb.ts'
import { OrcaLoadReportRequestSchema } from '../gen/xds/service/orca/v3/orca_pb.ts'
import { status } from '../status.ts'
import { type Address, formatAddress } from './address.ts'
import type { CallOutcome } from './call-outcome.ts'
import type { ChannelConnection } from './channel-connection.ts'
import { ConnectionBackoff } from './connection-backoff.ts'
import type { Balancer, BalancerHost, BalancerPolicy } from './load-balancer.ts'
import type { CallTracker, PendingCall } from './pending-call.ts'
import type { Picker } from './picker.ts'
import { roundRobin } from './round-robin.ts'
import type { Subchannel, SubchannelListener } from './subchannel.ts'

export interface BackendMetricsOptions {
  /** The report that came with a call's trailers, before the call's promise settles. */
  readonly onCall?: (report: OrcaLoadReport, call: { readonly path: string }) => void
  /** A report outside of calls; `backend` is the address. Without it none are asked for. */
  readonly onReport?: (report: OrcaLoadReport, backend: string) => void
  /** How often backends are to report; default '1s'. They may have a larger minimum. */
  readonly interval?: Duration
}

/** Serialised xds.data.orca.v3.OrcaLoadReport in trailers (gRFC A51). */
const reportTrailer = 'endpoint-load-metrics-bin'

/**
 * `round_robin` that also hands on what backends say about their load (ORCA, gRFC A51): with each call, and in a stream
 * per connection. Register it under a name of your choice with `registerLoadBalancer`.
 */
export function backendMetrics(options: BackendMetricsOptions): BalancerPolicy {
  return {
    check: () => [],
    create: (host) => createBalancer(host, options),
  }
}

function createBalancer<C extends ChannelConnection>(
  host: BalancerHost<C>,
  options: BackendMetricsOptions,
): Balancer {
  return roundRobin.create({
    ...host,
    update: (state, picker) => host.update(state, new ReportingPicker(picker, options.onCall)),
    subchannel: (address, listener) =>
      options.onReport === undefined
        ? host.subchannel(address, listener)
        : new ReportedSubchannel(host, address, listener, options.onReport, options.interval),
  })
}

class ReportingPicker<C extends ChannelConnection> implements Picker<C> {
  readonly failure: Picker<C>['failure']
  readonly #inner: Picker<C>
  readonly #onCall: BackendMetricsOptions['onCall']

  constructor(inner: Picker<C>, onCall: BackendMetricsOptions['onCall']) {
    this.failure = inner.failure
    this.#inner = inner
    this.#onCall = onCall
  }

  pick(): C | undefined {
    return this.#inner.pick()
  }

  track(_connection: C, call: PendingCall<C>): CallTracker | undefined {
    const onCall = this.#onCall
    if (onCall === undefined) return undefined
    const { path } = call
    return {
      finished(outcome) {
        const report = readReport(outcome)
        if (report !== undefined) onCall(report, { path })
      },
    }
  }
}

/** A report that cannot be read is as good as none: it must not fail the call. */
function readReport(outcome: CallOutcome): OrcaLoadReport | undefined {
  const at = outcome.trailers.findIndex((text, index) => index % 2 === 0 && text === reportTrailer)
  if (at < 0) return undefined
  try {
    return fromBinary(OrcaLoadReportSchema, Buffer.from(outcome.trailers[at + 1] ?? '', 'base64'))
  } catch {
    return undefined
  }
}

/** A subchannel that asks the backend of each of its connections for reports. */
class ReportedSubchannel<C extends ChannelConnection> implements Subchannel<C> {
  readonly address: Address
  readonly #host: BalancerHost<C>
  readonly #inner: Subchannel<C>
  readonly #onReport: (report: OrcaLoadReport, backend: string) => void
  readonly #request: Uint8Array
  readonly #streams = new Map<C, { cancel(): void }>()
  readonly #backoff: ConnectionBackoff
  #timer: Timer | undefined = undefined

  constructor(
    host: BalancerHost<C>,
    address: Address,
    listener: SubchannelListener,
    onReport: (report: OrcaLoadReport, backend: string) => void,
    interval: Duration = '1s',
  ) {
    this.address = address
    this.#host = host
    this.#onReport = onReport
    this.#backoff = new ConnectionBackoff(host.random)
    const ms = parseDuration(interval)
    const reportInterval = create(DurationSchema, {
      seconds: BigInt(Math.floor(ms / 1000)),
      nanos: Math.round((ms % 1000) * 1e6),
    })
    const request = create(OrcaLoadReportRequestSchema, { reportInterval })
    this.#request = toBinary(OrcaLoadReportRequestSchema, request)
    this.#inner = host.subchannel(address, {
      changed: () => {
        this.#watch()
        listener.changed()
      },
      slots: () => listener.slots(),
    })
  }

  get state(): Subchannel['state'] {
    return this.#inner.state
  }

  get failure(): string {
    return this.#inner.failure
  }

  connect(): void {
    this.#inner.connect()
  }

  take(): C | undefined {
    return this.#inner.take()
  }

  connections(): readonly C[] {
    return this.#inner.connections()
  }

  close(): void {
    this.#timer?.cancel()
    for (const stream of this.#streams.values()) stream.cancel()
    this.#streams.clear()
    this.#inner.close()
  }

  #watch(): void {
    const connections = new Set(this.#inner.connections())
    for (const [connection, stream] of this.#streams) {
      if (connections.has(connection)) continue
      this.#streams.delete(connection)
      stream.cancel()
    }
    for (const connection of connections) {
      if (!this.#streams.has(connection) && connection.slots > 0) this.#open(connection)
    }
  }

  #open(connection: C): void {
    const backend = formatAddress(this.address)
    const stream = this.#host.monitor(
      connection,
      { path: '/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics', message: this.#request },
      {
        message: (bytes) => {
          this.#backoff.reset()
          this.#onReport(fromBinary(OrcaLoadReportSchema, bytes), backend)
        },
        ended: (code) => {
          if (!this.#streams.has(connection)) return
          // A backend without the service will not have it later; the entry stays, so that it is not asked again.
          if (code !== status.UNIMPLEMENTED) this.#later(connection)
        },
      },
    )
    this.#streams.set(connection, stream)
  }

  #later(connection: C): void {
    this.#streams.delete(connection)
    this.#timer?.cancel()
    this.#timer = this.#host.clock.timer(this.#backoff.next(), () => this.#watch(), { ref: false })
  }
}
