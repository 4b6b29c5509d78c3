import type { SessionOptions, Settings } from 'node:http2'
import type { ConnectionSettings } from '../transport.ts'

const megabyte = 1_000_000

/**
 * Options of a node:http2 session. `maxSessionMemory` (10 MB by default) silently refuses streams under load, so it
 * follows the budget; the connection's window has to be set on the session itself (`setLocalWindowSize`).
 */
export function sessionOptions(
  settings: ConnectionSettings,
  more: Settings,
): SessionOptions & { readonly streamResetBurst: number; readonly streamResetRate: number } {
  const { flow, limits, maxHeaderListBytes } = settings
  const resets = limits?.resets ?? 2 ** 31 - 1
  return {
    maxSessionMemory: Math.min(1e6, Math.max(64, Math.ceil(flow.memoryBudget / megabyte))),
    maxSendHeaderBlockLength: 1024 * 1024,
    streamResetBurst: resets,
    streamResetRate: Math.ceil(resets / 10),
    settings: {
      initialWindowSize: flow.streamWindow,
      maxHeaderListSize: maxHeaderListBytes,
      enablePush: false,
      ...more,
    },
  }
}
