import { type Clock, parseBytes, realClock } from '@tidemill/core'
import { ReceiveBudget } from '../flow/receive-budget.ts'
import { http2Errors } from '../errors.ts'
import type { Http2Options } from '../options.ts'
import { defaultWindow, maxFrameSizeLimit, maxInt31, minFrameSize } from './frame.ts'

/** Limits as numbers, every one set. */
export interface LimitValues {
  readonly resets: number
  readonly refusals: number
  readonly pings: number
  readonly settings: number
  readonly priorities: number
  readonly windowUpdates: number
  readonly emptyData: number
  readonly continuations: number
  readonly headerBlock: number
  readonly largeHeaderLists: number
  readonly lateFrames: number
  readonly controlOutput: number
}

/** Options as numbers, every one set and checked. */
export interface Tuning {
  readonly clock: Clock
  readonly maxConcurrentStreams: number
  readonly streamWindow: number
  readonly connectionWindow: number
  /** What measurement may raise the windows to; 0 for no measurement. */
  readonly maxWindow: number
  readonly budget: ReceiveBudget
  readonly maxFrameSize: number
  readonly maxHeaderListSize: number
  readonly headerTableSize: number
  readonly enableConnectProtocol: boolean
  readonly highWater: number
  readonly sendLimit: number
  readonly drainAtStreamId: number
  readonly limits: LimitValues
}

/** A whole number in its range; TM_HTTP2_ARGUMENT else. */
export function checkRange(what: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw http2Errors.error('TM_HTTP2_ARGUMENT', {
    what,
    expected: `a whole number from ${least} to ${most}`,
    received: String(value),
  })
}

export function tuningOf(options: Http2Options): Tuning {
  const size = (
    what:
      | 'streamWindow'
      | 'connectionWindow'
      | 'maxFrameSize'
      | 'maxHeaderListSize'
      | 'headerTableSize',
    otherwise: number,
    least: number,
    most: number,
  ): number => checkRange(what, parseBytes(options[what] ?? otherwise, what), least, most)
  const given = options.limits ?? {}
  const count = (
    what: Exclude<keyof typeof given, 'headerBlock' | 'controlOutput'>,
    otherwise: number,
  ): number => checkRange(`limits.${what}`, given[what] ?? otherwise, 0, maxInt31)
  const autoTune = options.autoTune ?? {}
  const maxHeaderListSize = size('maxHeaderListSize', 16_384, 256, 16 * 1024 * 1024)
  return {
    clock: options.clock ?? realClock,
    maxConcurrentStreams: checkRange(
      'maxConcurrentStreams',
      options.maxConcurrentStreams ?? 500,
      0,
      maxInt31,
    ),
    streamWindow: size('streamWindow', 1024 * 1024, 0, maxInt31),
    connectionWindow: size('connectionWindow', 4 * 1024 * 1024, defaultWindow, maxInt31),
    maxWindow:
      autoTune === false ? 0 : parseBytes(autoTune.max ?? 16 * 1024 * 1024, 'autoTune.max'),
    budget: options.receiveBudget ?? new ReceiveBudget(256 * 1024 * 1024),
    maxFrameSize: size('maxFrameSize', minFrameSize, minFrameSize, maxFrameSizeLimit),
    maxHeaderListSize,
    headerTableSize: size('headerTableSize', 4096, 0, 1024 * 1024),
    enableConnectProtocol: options.enableConnectProtocol ?? false,
    highWater: parseBytes(options.sendBuffer?.highWater ?? 65_536, 'sendBuffer.highWater'),
    sendLimit: parseBytes(options.sendBuffer?.limit ?? 1024 * 1024, 'sendBuffer.limit'),
    drainAtStreamId: checkRange(
      'drainAtStreamId',
      options.drainAtStreamId ?? Math.floor(maxInt31 * 0.75),
      1,
      maxInt31,
    ),
    limits: {
      resets: count('resets', 2000),
      refusals: count('refusals', 10_000),
      pings: count('pings', 500),
      settings: count('settings', 100),
      priorities: count('priorities', 1000),
      windowUpdates: count('windowUpdates', 1000),
      emptyData: count('emptyData', 100),
      continuations: count('continuations', 64),
      headerBlock: parseBytes(given.headerBlock ?? 2 * maxHeaderListSize, 'limits.headerBlock'),
      largeHeaderLists: count('largeHeaderLists', 100),
      lateFrames: count('lateFrames', 10_000),
      controlOutput: parseBytes(given.controlOutput ?? 128 * 1024, 'limits.controlOutput'),
    },
  }
}
