import type { BenchConfig, TextKey } from './bench-config.ts'
import type { BenchPlan } from './bench-plan.ts'
import { sortedJson } from './go-json.ts'
import { parseGoDuration } from './go-duration.ts'

/** The options as ghz reports them: its names in its order, durations in nanoseconds, empty ones left out. */
export interface ReportOptions {
  readonly call?: string
  readonly host?: string
  readonly proto?: string
  readonly protoset?: string
  readonly 'import-paths'?: readonly string[]
  readonly 'enable-compression'?: boolean
  readonly cacert?: string
  readonly cert?: string
  readonly key?: string
  readonly cname?: string
  readonly skipTLS?: boolean
  readonly insecure: boolean
  readonly authority?: string
  readonly rps?: number
  readonly 'load-schedule': string
  readonly 'load-start': number
  readonly 'load-end': number
  readonly 'load-step': number
  readonly 'load-step-duration': number
  readonly 'load-max-duration': number
  readonly concurrency?: number
  readonly 'concurrency-schedule': string
  readonly 'concurrency-start': number
  readonly 'concurrency-end': number
  readonly 'concurrency-step': number
  readonly 'concurrency-step-duration': number
  readonly 'concurrency-max-duration': number
  readonly total?: number
  readonly async?: boolean
  readonly connections?: number
  readonly duration?: number
  readonly timeout?: number
  readonly 'dial-timeout'?: number
  readonly keepalive?: number
  readonly data?: unknown
  readonly binary: boolean
  readonly metadata?: unknown
  readonly CPUs: number
  readonly name?: string
  readonly skipFirst?: number
  readonly 'count-errors'?: boolean
}

/** A line is a step every second. */
const lineStep = 1e9
/** ghz's total of a run that only a duration ends. */
const endless = 2 ** 31 - 1

/** Builds the `options` of the report; `data` and `metadata` are the texts in use, which JSON may not be able to read. */
export function reportOptions(
  config: BenchConfig,
  plan: BenchPlan,
  used: {
    readonly data?: string | undefined
    readonly metadata?: string | undefined
    readonly cpus: number
  },
): ReportOptions {
  const nanos = (key: TextKey): number =>
    Math.round((parseGoDuration(config[key] ?? '0') ?? 0) * 1e6)
  const all: ReportOptions = {
    call: plan.call,
    host: plan.target.text,
    proto: config.proto ?? '',
    protoset: config.protoset ?? '',
    'import-paths': config['import-paths'] ?? [],
    'enable-compression': plan.gzip,
    cacert: config.cacert ?? '',
    cert: config.cert ?? '',
    key: config.key ?? '',
    cname: config.cname ?? '',
    skipTLS: config.skipTLS ?? false,
    insecure: plan.target.plaintext,
    authority: config.authority ?? '',
    rps: config.rps ?? 0,
    'load-schedule': config['load-schedule'] ?? 'const',
    'load-start': config['load-start'] ?? 0,
    'load-end': config['load-end'] ?? 0,
    'load-step': config['load-step'] ?? 0,
    'load-step-duration':
      config['load-schedule'] === 'line' ? lineStep : nanos('load-step-duration'),
    'load-max-duration': nanos('load-max-duration'),
    concurrency: config.concurrency ?? (plan.loop === 'open' ? plan.maxInFlight : 50),
    'concurrency-schedule': config['concurrency-schedule'] ?? 'const',
    'concurrency-start': config['concurrency-start'] ?? 0,
    'concurrency-end': config['concurrency-end'] ?? 0,
    'concurrency-step': config['concurrency-step'] ?? 1,
    'concurrency-step-duration':
      config['concurrency-schedule'] === 'line' ? lineStep : nanos('concurrency-step-duration'),
    'concurrency-max-duration': nanos('concurrency-max-duration'),
    total: Number.isFinite(plan.total) ? plan.total : endless,
    async: config.async ?? false,
    connections: plan.connections,
    duration: Math.round(plan.durationMs * 1e6),
    timeout: Math.round(plan.timeoutMs * 1e6),
    'dial-timeout': Math.round(plan.connectTimeoutMs * 1e6),
    keepalive: Math.round(plan.keepaliveMs * 1e6),
    data: asJson(used.data),
    binary: config.binary === true || config['binary-file'] !== undefined,
    metadata: asJson(used.metadata),
    CPUs: config.cpus ?? used.cpus,
    name: plan.name,
    skipFirst: plan.skipFirst,
    'count-errors': plan.countErrors,
  }
  return Object.fromEntries(
    Object.entries(all).filter(([key, value]) => always.has(key) || !isEmpty(value)),
  ) as unknown as ReportOptions
}

/** Those that ghz writes even when they are empty. */
const always: ReadonlySet<string> = new Set([
  'insecure',
  'load-schedule',
  'load-start',
  'load-end',
  'load-step',
  'load-step-duration',
  'load-max-duration',
  'concurrency-schedule',
  'concurrency-start',
  'concurrency-end',
  'concurrency-step',
  'concurrency-step-duration',
  'concurrency-max-duration',
  'binary',
  'CPUs',
])

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  return value === undefined || value === '' || value === 0 || value === false
}

function asJson(text: string | undefined): unknown {
  if (text === undefined || text.trim() === '') return undefined
  try {
    return sortedJson(JSON.parse(text))
  } catch {
    return undefined
  }
}
