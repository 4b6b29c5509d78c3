import type { Clock, Logger, Random, TimerWheel } from '@tidemill/core'
import type { ExchangeList } from './exchange-list.ts'
import type { Traffic } from './passage.ts'

/** What all connections of a data plane share. */
export interface PlaneContext {
  readonly traffic: Traffic
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly logger: Logger
  readonly random: Random
  readonly pseudonym: string
  /** `1.1 <pseudonym>`, for Via. */
  readonly via: string
  readonly makeRequestId: () => string
  readonly exchanges: ExchangeList
  readonly mirrors: MirrorCounts
  /** The Date of answers, made anew once a second. */
  date(): string
}

/** Copies of requests that were sent, and those given up because the body was longer than is kept. */
export interface MirrorCounts {
  sent: number
  cut: number
}
