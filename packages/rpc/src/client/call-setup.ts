import type { Clock, TimerWheel } from '@tidemill/core'
import type { MethodConfig } from '../channel/service-config.ts'
import type { Method } from '../method.ts'
import { timeOption } from '../options.ts'
import type { HeaderList } from '../transport/transport.ts'
import { Metadata } from '../wire/metadata.ts'
import type { CallTransportProvider } from './attempt.ts'
import type { CallOptions } from './call-options.ts'
import type { RequestHeaders } from './request-headers.ts'

/** What all calls of a channel share. */
export interface ClientCore {
  readonly provider: CallTransportProvider
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly userAgent: string
  readonly maxReceive: number
  readonly maxSend: number
  readonly gzip: boolean
  readonly defaultDeadlineMs: number
  readonly waitForReady: boolean
  callsOpen: number
  callsStarted: number
  callsFailed: number
}

/** One method on one channel. */
export interface ClientMethod {
  readonly method: Method
  readonly headers: RequestHeaders
}

/** Headers of the call itself, besides those of its method; undefined when there are none. */
export function extraHeaders(
  options: CallOptions | undefined,
  gzip: boolean,
): HeaderList | undefined {
  const metadata = options?.metadata
  if (metadata === undefined && !gzip) return undefined
  const list: string[] = []
  if (gzip) list.push('grpc-encoding', 'gzip')
  if (metadata !== undefined) {
    const pairs = metadata instanceof Metadata ? metadata : new Metadata(metadata)
    pairs.appendTo(list)
  }
  return list.length === 0 ? undefined : list
}

/** Milliseconds for the call: the least of its option, the service config, and the channel's default. */
export function callTimeMs(
  core: ClientCore,
  options: CallOptions | undefined,
  config: MethodConfig,
): number {
  let time = core.defaultDeadlineMs
  if (options?.deadline !== undefined) time = timeOption('deadline', options.deadline, Infinity)
  return config.timeoutMs === undefined ? time : Math.min(time, config.timeoutMs)
}

export function usesGzip(core: ClientCore, options: CallOptions | undefined): boolean {
  return options?.compression === undefined ? core.gzip : options.compression === 'gzip'
}
