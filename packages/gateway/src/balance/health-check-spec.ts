import type { Duration, Problem } from '@tidemill/core'
import { SpecFields } from './spec-fields.ts'

/** Settings of active health checks as a person writes them; every one has a default. */
export interface HealthCheckSpec {
  /** `http` asks for a path, `tcp` only connects, `grpc` calls grpc.health.v1.Health/Check; default `http`. */
  readonly type?: 'http' | 'tcp' | 'grpc'
  /** From the end of a check to the next; default 5s. */
  readonly interval?: Duration
  /** Each interval is longer or shorter by up to this percentage, 0 to 50; default 15. */
  readonly jitterPercent?: number
  /** For one check, connecting included; default 2s. */
  readonly timeout?: Duration
  /** Failed checks in a row that make a host unhealthy; default 3. The first check of a host decides alone. */
  readonly unhealthy?: number
  /** Passed checks in a row that make it healthy again; default 2. */
  readonly healthy?: number
  /** `http`: default `/`. */
  readonly path?: string
  /** `http`: default GET. */
  readonly method?: 'GET' | 'HEAD' | 'OPTIONS'
  /** `http` and `grpc`: the authority that the host is told; default its address and port. */
  readonly host?: string
  /** `http`: statuses that pass, each one or a range; default `200-399`. */
  readonly expected?: readonly (number | string)[]
  /** `grpc`: the service asked for; default the whole server. */
  readonly service?: string
}

/** The settings in computed form. */
export interface HealthCheckConfig {
  readonly type: 'http' | 'tcp' | 'grpc'
  readonly intervalMs: number
  readonly jitter: number
  readonly timeoutMs: number
  readonly unhealthy: number
  readonly healthy: number
  readonly path: string
  readonly method: 'GET' | 'HEAD' | 'OPTIONS'
  /** Empty: the address and port of the host. */
  readonly host: string
  /** Pairs of first and last status. */
  readonly expected: readonly (readonly [number, number])[]
  readonly service: string
}

const pathForm = /^\/[\w\-.~!$&'()*+,;=:@/?%]*$/u
const hostForm = /^[\w\-.]+(?::\d{1,5})?$|^\[[\da-f:.]+\](?::\d{1,5})?$/iu
const serviceForm = /^[\w.]+$/u

/** Reads settings from outside; adds a problem for each thing that is wrong, with its path below `path`. */
export function readHealthCheckSpec(
  value: unknown,
  path: string,
  problems: Problem[],
): HealthCheckConfig {
  const spec = new SpecFields(value, path, problems, [
    'type',
    'interval',
    'jitterPercent',
    'timeout',
    'unhealthy',
    'healthy',
    'path',
    'method',
    'host',
    'expected',
    'service',
  ])
  const type = spec.oneOf('type', ['http', 'tcp', 'grpc'] as const, 'http')
  for (const name of ['path', 'method', 'expected']) {
    if (type !== 'http' && spec.has(name)) spec.wrong(name, `absent with type ${type}`)
  }
  if (type === 'tcp' && spec.has('host')) spec.wrong('host', 'absent with type tcp')
  if (type !== 'grpc' && spec.has('service')) spec.wrong('service', `absent with type ${type}`)
  return {
    type,
    intervalMs: spec.duration('interval', '5s'),
    jitter: spec.number('jitterPercent', 0, 50, 15) / 100,
    timeoutMs: spec.duration('timeout', '2s'),
    unhealthy: spec.integer('unhealthy', 1, 1000, 3),
    healthy: spec.integer('healthy', 1, 1000, 2),
    path: spec.text('path', 1024, pathForm, 'a path, with its query if any,') ?? '/',
    method: spec.oneOf('method', ['GET', 'HEAD', 'OPTIONS'] as const, 'GET'),
    host: spec.text('host', 260, hostForm, 'a host name with its port if any') ?? '',
    expected: readExpected(spec),
    service: spec.text('service', 260, serviceForm, 'a full service name') ?? '',
  }
}

function readExpected(spec: SpecFields): readonly (readonly [number, number])[] {
  const value = spec.value('expected') ?? ['200-399']
  const list = Array.isArray(value) && value.length <= 32 ? (value as unknown[]) : []
  const ranges = list.map(readRange)
  const valid = ranges.filter((range) => range !== undefined)
  if (list.length === 0 || valid.length < ranges.length) {
    spec.wrong('expected', 'a list of 1 to 32 statuses (200) and ranges (200-399)')
  }
  return valid
}

function readRange(item: unknown): readonly [number, number] | undefined {
  const text = typeof item === 'number' ? String(item) : item
  const match = typeof text === 'string' ? /^(\d{3})(?:-(\d{3}))?$/u.exec(text) : null
  if (match === null) return undefined
  const low = Number(match[1])
  const high = Number(match[2] ?? match[1])
  // An interim response is no answer to a check.
  return low >= 200 && low <= high && high <= 599 ? [low, high] : undefined
}
