import { parseBytes } from '@tidemill/core'
import { type AccessLogSettings, readAccessLogSpec } from '../access/access-reader.ts'
import { IpMatcher, type IpNetwork, parseNetwork } from '../auth/ip-matcher.ts'
import { defaultListenerSettings, type ListenerSettings } from '../listener/listener-plan.ts'
import type { Fields, ObjectCheck } from '../object-check.ts'
import { durationMs } from '../router/route-validator.ts'
import type { ObjectMeta } from '../router/index.ts'
import { checkPolicyTargets } from './policy-target.ts'

/** What a Gateway does not say about its clients: limits, times, trusted proxies, the access log. */
export interface GatewayPolicyObject {
  readonly apiVersion: 'gateway.tidemill.dev/v1'
  readonly kind: 'GatewayPolicy'
  readonly metadata: ObjectMeta
  readonly spec: GatewayPolicySpec
}

export interface GatewayPolicySpec {
  readonly targetRefs: readonly {
    readonly group: 'gateway.networking.k8s.io'
    readonly kind: 'Gateway'
    readonly name: string
    /** Name of a listener; all listeners without it. */
    readonly sectionName?: string
  }[]
  readonly maxConnections?: number
  readonly maxConnectionsPerAddress?: number
  readonly trustedHops?: number
  /** Addresses or networks such as `10.0.0.0/8`. */
  readonly trustedNetworks?: readonly string[]
  readonly timeouts?: {
    /** Whole head of a request; default 10s. */
    readonly header?: string
    /** Between requests; default 65s. */
    readonly idle?: string
    /** A body without a byte; default 30s. */
    readonly body?: string
    /** A reader that takes no byte; default 30s. */
    readonly write?: string
    /** A tunnel or stream without a byte; default 300s. */
    readonly tunnelIdle?: string
  }
  /** Bytes a second, after 5s; 0 is off, default 240. */
  readonly minBodyRate?: number
  /** Number of bytes or text such as `16KiB`. */
  readonly maxHeaderBytes?: number | string
  readonly maxHeaders?: number
  readonly maxConcurrentStreams?: number
  /** Only clients of these networks come in. */
  readonly ipAllow?: readonly string[]
  /** Clients of these networks do not come in, allowed or not. */
  readonly ipDeny?: readonly string[]
  /** Of the whole Gateway. */
  readonly accessLog?: AccessLogSettings
}

const names = [
  'targetRefs',
  'maxConnections',
  'maxConnectionsPerAddress',
  'trustedHops',
  'trustedNetworks',
  'timeouts',
  'minBodyRate',
  'maxHeaderBytes',
  'maxHeaders',
  'maxConcurrentStreams',
  'ipAllow',
  'ipDeny',
  'accessLog',
]
const timeNames = ['header', 'idle', 'body', 'write', 'tunnelIdle'] as const

export function checkGatewayPolicy(check: ObjectCheck, spec: Fields): void {
  check.known('/spec', spec, names)
  checkPolicyTargets(check, spec['targetRefs'], ['gateway.networking.k8s.io'], ['Gateway'])
  check.integer('/spec/maxConnections', spec['maxConnections'], 1, 10_000_000)
  check.integer('/spec/maxConnectionsPerAddress', spec['maxConnectionsPerAddress'], 1, 10_000_000)
  check.integer('/spec/trustedHops', spec['trustedHops'], 0, 100)
  check.integer('/spec/minBodyRate', spec['minBodyRate'], 0, 1_000_000_000)
  check.integer('/spec/maxHeaders', spec['maxHeaders'], 1, 10_000)
  check.integer('/spec/maxConcurrentStreams', spec['maxConcurrentStreams'], 1, 100_000)
  for (const name of ['trustedNetworks', 'ipAllow', 'ipDeny']) {
    check.list(`/spec/${name}`, spec[name], 4096, (path, item) => {
      const network = typeof item === 'string' ? parseNetwork(item) : 'a text'
      if (typeof network === 'string') check.wrong(path, item, network)
    })
  }
  const bytes = sizeOf(spec['maxHeaderBytes'])
  if (
    spec['maxHeaderBytes'] !== undefined &&
    (bytes === undefined || bytes < 1024 || bytes > 1024 * 1024)
  ) {
    check.wrong('/spec/maxHeaderBytes', spec['maxHeaderBytes'], 'a size from 1KiB to 1MiB')
  }
  if (spec['timeouts'] !== undefined) {
    const timeouts = check.object('/spec/timeouts', spec['timeouts'])
    if (timeouts !== undefined) check.known('/spec/timeouts', timeouts, timeNames)
    for (const name of timeNames) {
      const given = timeouts?.[name]
      if (given !== undefined && !durationMs(given)) {
        const expected = 'a duration above zero with units, such as 10s'
        check.wrong(`/spec/timeouts/${name}`, given, expected)
      }
    }
  }
  if (spec['accessLog'] !== undefined) {
    readAccessLogSpec(spec['accessLog'], '/spec/accessLog', check.problems)
  }
}

/** The settings of a listener: those of the policy, else the defaults. */
export function listenerSettings(spec: GatewayPolicySpec | undefined): ListenerSettings {
  if (spec === undefined) return defaultListenerSettings
  const d = defaultListenerSettings
  const { timeouts = {} } = spec
  return {
    ...d,
    maxConnectionsPerAddress: spec.maxConnectionsPerAddress ?? d.maxConnectionsPerAddress,
    maxConnections: spec.maxConnections ?? d.maxConnections,
    trustedHops: spec.trustedHops ?? d.trustedHops,
    trustedNetworks: spec.trustedNetworks ?? d.trustedNetworks,
    headerMs: durationMs(timeouts.header) ?? d.headerMs,
    idleMs: durationMs(timeouts.idle) ?? d.idleMs,
    bodyMs: durationMs(timeouts.body) ?? d.bodyMs,
    writeMs: durationMs(timeouts.write) ?? d.writeMs,
    minBodyRate: spec.minBodyRate ?? d.minBodyRate,
    maxHeaderBytes: sizeOf(spec.maxHeaderBytes) ?? d.maxHeaderBytes,
    maxHeaders: spec.maxHeaders ?? d.maxHeaders,
    maxConcurrentStreams: spec.maxConcurrentStreams ?? d.maxConcurrentStreams,
    tunnelIdleMs: durationMs(timeouts.tunnelIdle) ?? d.tunnelIdleMs,
  }
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined
  if (typeof value !== 'string') return undefined
  try {
    return parseBytes(value)
  } catch {
    return undefined
  }
}

/** Whether an address may come in, by `ipAllow` and `ipDeny`; undefined when everybody may. */
export function addressRule(
  spec: GatewayPolicySpec | undefined,
): ((address: string) => boolean) | undefined {
  const { ipAllow, ipDeny } = spec ?? {}
  if (ipAllow === undefined && ipDeny === undefined) return undefined
  const allow = ipAllow === undefined ? undefined : new IpMatcher(networksOf(ipAllow))
  const deny = new IpMatcher(networksOf(ipDeny ?? []))
  return (address) => !deny.has(address) && (allow === undefined || allow.has(address))
}

function networksOf(texts: readonly string[]): IpNetwork[] {
  return texts.map(parseNetwork).filter((network) => typeof network !== 'string')
}
