import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Clock, Random, Timer } from '@tidemill/core'
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
  HealthCheckResponseSchema,
} from '../gen/grpc/health/v1/health_pb.ts'
import { status } from '../status.ts'
import { type Address, formatAddress } from './address.ts'
import type { ChannelConnection } from './channel-connection.ts'
import { ConnectionBackoff } from './connection-backoff.ts'
import type { Connectivity } from './connectivity.ts'
import type { MonitorListener, MonitorRequest } from './monitor-stream.ts'
import type { Subchannel, SubchannelListener } from './subchannel.ts'

export interface HealthContext<C extends ChannelConnection> {
  readonly service: string
  readonly clock: Clock
  readonly random: Random
  monitor(connection: C, request: MonitorRequest, listener: MonitorListener): { cancel(): void }
}

/**
 * A subchannel that is READY only while the backend says that the service is being served (gRFC A17): it watches
 * grpc.health.v1.Health on its connection. A backend without the health service counts as healthy.
 */
export class HealthCheckedSubchannel<C extends ChannelConnection> implements Subchannel<C> {
  readonly address: Address
  readonly #context: HealthContext<C>
  readonly #listener: SubchannelListener
  readonly #inner: Subchannel<C>
  readonly #backoff: ConnectionBackoff
  #watched: C | undefined = undefined
  #watch: { cancel(): void } | undefined = undefined
  #timer: Timer | undefined = undefined
  #verdict: 'unknown' | 'healthy' | 'unhealthy' = 'unknown'
  #state: Connectivity = 'IDLE'
  #failure = ''

  constructor(
    address: Address,
    context: HealthContext<C>,
    make: (listener: SubchannelListener) => Subchannel<C>,
    listener: SubchannelListener,
  ) {
    this.address = address
    this.#context = context
    this.#listener = listener
    this.#backoff = new ConnectionBackoff(context.random)
    this.#inner = make({ changed: () => this.#innerChanged(), slots: () => listener.slots() })
  }

  get state(): Connectivity {
    return this.#state
  }

  get failure(): string {
    return this.#failure
  }

  connect(): void {
    this.#inner.connect()
  }

  take(): C | undefined {
    return this.#state === 'READY' ? this.#inner.take() : undefined
  }

  connections(): readonly C[] {
    return this.#inner.connections()
  }

  close(): void {
    this.#state = 'SHUTDOWN'
    this.#stop()
    this.#inner.close()
  }

  #innerChanged(): void {
    if (this.#state === 'SHUTDOWN') return
    const [connection] = this.#inner.connections()
    if (connection !== this.#watched) {
      this.#stop()
      this.#watched = connection
      this.#verdict = 'unknown'
      this.#backoff.reset()
      if (connection !== undefined) this.#open(connection)
    }
    this.#tell()
  }

  #open(connection: C): void {
    // A monitor needs a free stream like every call; a connection that has none is asked later.
    if (connection.slots === 0) {
      this.#again(connection, this.#backoff.next())
      return
    }
    let heard = false
    const { service } = this.#context
    const message = toBinary(
      HealthCheckRequestSchema,
      create(HealthCheckRequestSchema, { service }),
    )
    this.#watch = this.#context.monitor(
      connection,
      { path: '/grpc.health.v1.Health/Watch', message },
      {
        message: (bytes) => {
          heard = true
          this.#backoff.reset()
          const answer = fromBinary(HealthCheckResponseSchema, bytes)
          this.#judge(answer.status === ServingStatus.SERVING ? 'healthy' : 'unhealthy')
        },
        ended: (code) => {
          if (this.#watched !== connection) return
          this.#watch = undefined
          if (code === status.UNIMPLEMENTED) {
            this.#judge('healthy')
            return
          }
          this.#judge('unhealthy')
          this.#again(connection, heard ? 0 : this.#backoff.next())
        },
      },
    )
  }

  #again(connection: C, ms: number): void {
    this.#timer = this.#context.clock.timer(
      ms,
      () => {
        this.#timer = undefined
        if (this.#watched === connection) this.#open(connection)
      },
      { ref: false },
    )
  }

  #judge(verdict: 'healthy' | 'unhealthy'): void {
    this.#verdict = verdict
    this.#tell()
  }

  #tell(): void {
    const state = this.#combined()
    this.#failure =
      state === 'TRANSIENT_FAILURE' && this.#inner.state === 'READY'
        ? `${formatAddress(this.address)}: "${this.#context.service}" is not healthy there`
        : this.#inner.failure
    if (state === this.#state || this.#state === 'SHUTDOWN') return
    this.#state = state
    this.#listener.changed()
  }

  #combined(): Connectivity {
    if (this.#inner.state !== 'READY' || this.#verdict === 'healthy') return this.#inner.state
    return this.#verdict === 'unknown' ? 'CONNECTING' : 'TRANSIENT_FAILURE'
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#watched = undefined
    this.#watch?.cancel()
    this.#watch = undefined
  }
}
