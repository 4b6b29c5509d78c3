import { type ByteSize, type Duration, parseBytes, parseDuration } from '@tidemill/core'
import { rpcErrors } from './errors.ts'
import type { FlowSettings } from './transport/transport.ts'

/** Receive windows; sizes in bytes or text with a unit. */
export interface FlowOptions {
  /** Of one stream; default 1 MiB. */
  readonly stream?: ByteSize
  /** Of one connection; default 4 MiB. */
  readonly connection?: ByteSize
  /** Lets the windows grow with bandwidth and round trip, up to `max`; default 16 MiB. False keeps them. */
  readonly autoTune?: false | { readonly max: ByteSize }
  /**
   * What all streams of one server or channel may hold unread; default 256 MiB. At least twice `maxReceive`, which
   * raises the default.
   */
  readonly memoryBudget?: ByteSize
}

export function sizeOption(name: string, value: ByteSize | undefined, fallback: number): number {
  if (value === undefined) return fallback
  if (value === Number.POSITIVE_INFINITY) return value
  try {
    return parseBytes(value)
  } catch (cause) {
    throw rpcErrors.error(
      'TM_RPC_OPTION',
      { name, expected: 'a size such as 4MiB', received: String(value) },
      { cause },
    )
  }
}

/** Milliseconds; a number counts as milliseconds already. */
export function timeOption(
  name: string,
  value: Duration | number | undefined,
  fallback: number,
): number {
  if (value === undefined) return fallback
  if (typeof value === 'number') {
    if (value >= 0) return value
    throw rpcErrors.error('TM_RPC_OPTION', {
      name,
      expected: 'a time such as 200ms',
      received: String(value),
    })
  }
  try {
    return parseDuration(value)
  } catch (cause) {
    throw rpcErrors.error(
      'TM_RPC_OPTION',
      { name, expected: 'a time such as 200ms', received: value },
      { cause },
    )
  }
}

export function countOption(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback
  if (Number.isInteger(value) && value > 0) return value
  throw rpcErrors.error('TM_RPC_OPTION', {
    name,
    expected: 'a whole number from 1',
    received: String(value),
  })
}

const mebibyte = 1024 * 1024
const largestWindow = 2 ** 31 - 1

/** `auto` (all defaults) or windows. `maxReceive`: a message is kept until it is whole, so the budget must hold some. */
export function flowOption(
  flow: FlowOptions | 'auto' | undefined,
  maxReceive: number,
): FlowSettings {
  const { autoTune, connection, memoryBudget, stream } =
    flow === 'auto' || flow === undefined ? {} : flow
  const streamWindow = windowOption('flow.stream', stream, mebibyte)
  const connectionWindow = Math.max(
    65_535,
    windowOption('flow.connection', connection, 4 * mebibyte),
  )
  const budget = sizeOption(
    'flow.memoryBudget',
    memoryBudget,
    Math.max(256 * mebibyte, 2 * maxReceive),
  )
  if (maxReceive * 2 > budget) {
    throw rpcErrors.error('TM_RPC_OPTION', {
      name: 'flow.memoryBudget',
      expected: 'at least twice maxReceive',
      received: String(budget),
    })
  }
  return {
    streamWindow,
    connectionWindow,
    autoTuneMax:
      autoTune === false ? 0 : windowOption('flow.autoTune.max', autoTune?.max, 16 * mebibyte),
    memoryBudget: budget,
  }
}

function windowOption(name: string, value: ByteSize | undefined, fallback: number): number {
  const bytes = sizeOption(name, value, fallback)
  if (bytes <= largestWindow) return bytes
  throw rpcErrors.error('TM_RPC_OPTION', {
    name,
    expected: 'at most 2147483647 bytes',
    received: String(bytes),
  })
}
