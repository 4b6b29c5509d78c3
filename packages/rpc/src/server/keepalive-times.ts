import { timeOption } from '../options.ts'
import type { ServerKeepalive } from './server.ts'

/** A server's keepalive options in milliseconds. */
export interface KeepaliveTimes {
  readonly minTimeMs: number
  readonly maxIdleMs: number
  readonly maxAgeMs: number
  readonly maxAgeGraceMs: number
  readonly timeMs: number
  readonly timeoutMs: number
}

/** Checked when the server is made: a mistake must not show only when the first client connects. */
export function keepaliveTimes(options: ServerKeepalive = {}): KeepaliveTimes {
  return {
    minTimeMs: timeOption('keepalive.minPingInterval', options.minPingInterval, 300_000),
    maxIdleMs: timeOption('keepalive.maxIdle', options.maxIdle, Infinity),
    maxAgeMs: timeOption('keepalive.maxAge', options.maxAge, Infinity),
    maxAgeGraceMs: timeOption('keepalive.maxAgeGrace', options.maxAgeGrace, Infinity),
    timeMs: timeOption('keepalive.time', options.time, 7_200_000),
    timeoutMs: timeOption('keepalive.timeout', options.timeout, 20_000),
  }
}
