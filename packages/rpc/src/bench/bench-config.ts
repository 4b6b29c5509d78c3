import { benchErrors } from './errors.ts'

/** What a run is told, by flags or by a file: ghz's names and texts, and ours. Durations are texts such as `20s`. */
export interface BenchConfig {
  readonly proto?: string
  readonly protoset?: string
  readonly call?: string
  readonly 'import-paths'?: readonly string[]
  readonly cacert?: string
  readonly cert?: string
  readonly key?: string
  readonly cname?: string
  readonly skipTLS?: boolean
  readonly insecure?: boolean
  readonly authority?: string
  readonly async?: boolean
  readonly rps?: number
  readonly 'load-schedule'?: string
  readonly 'load-start'?: number
  readonly 'load-step'?: number
  readonly 'load-end'?: number
  readonly 'load-step-duration'?: string
  readonly 'load-max-duration'?: string
  readonly concurrency?: number
  readonly 'concurrency-schedule'?: string
  readonly 'concurrency-start'?: number
  readonly 'concurrency-step'?: number
  readonly 'concurrency-end'?: number
  readonly 'concurrency-step-duration'?: string
  readonly 'concurrency-max-duration'?: string
  readonly total?: number
  readonly timeout?: string
  readonly duration?: string
  readonly 'max-duration'?: string
  readonly 'duration-stop'?: string
  /** A value or JSON text; `@` reads standard input, which is the caller's to do. */
  readonly data?: unknown
  readonly 'data-file'?: string
  readonly binary?: boolean
  readonly 'binary-file'?: string
  readonly metadata?: unknown
  readonly 'metadata-file'?: string
  readonly 'stream-interval'?: string
  readonly 'stream-call-duration'?: string
  readonly 'stream-call-count'?: number
  readonly 'stream-dynamic-messages'?: boolean
  readonly 'reflect-metadata'?: unknown
  readonly output?: string
  readonly format?: string
  readonly skipFirst?: number
  readonly 'count-errors'?: boolean
  readonly connections?: number
  readonly 'connect-timeout'?: string
  readonly keepalive?: string
  readonly name?: string
  readonly tags?: unknown
  readonly cpus?: number
  readonly 'enable-compression'?: boolean
  readonly 'lb-strategy'?: string
  readonly host?: string
  /** Open loop: calls a second, each started when it is due. */
  readonly rate?: number
  readonly warmup?: string
  readonly windows?: string
  readonly rtt?: string
  readonly hdr?: string
  readonly transport?: string
  readonly 'fail-on'?: string
}

/** The keys whose value is a text, and those whose value is a number. */
export type TextKey = {
  [Key in keyof BenchConfig]-?: NonNullable<BenchConfig[Key]> extends string ? Key : never
}[keyof BenchConfig]
export type NumberKey = {
  [Key in keyof BenchConfig]-?: NonNullable<BenchConfig[Key]> extends number ? Key : never
}[keyof BenchConfig]

/** What a key may hold. */
export type ConfigKind = 'string' | 'number' | 'boolean' | 'json' | 'list'

/** Every key of {@link BenchConfig} with what it holds; a key that is not here is refused. */
export const configKeys: Readonly<Record<keyof BenchConfig, ConfigKind>> = {
  proto: 'string',
  protoset: 'string',
  call: 'string',
  'import-paths': 'list',
  cacert: 'string',
  cert: 'string',
  key: 'string',
  cname: 'string',
  skipTLS: 'boolean',
  insecure: 'boolean',
  authority: 'string',
  async: 'boolean',
  rps: 'number',
  'load-schedule': 'string',
  'load-start': 'number',
  'load-step': 'number',
  'load-end': 'number',
  'load-step-duration': 'string',
  'load-max-duration': 'string',
  concurrency: 'number',
  'concurrency-schedule': 'string',
  'concurrency-start': 'number',
  'concurrency-step': 'number',
  'concurrency-end': 'number',
  'concurrency-step-duration': 'string',
  'concurrency-max-duration': 'string',
  total: 'number',
  timeout: 'string',
  duration: 'string',
  'max-duration': 'string',
  'duration-stop': 'string',
  data: 'json',
  'data-file': 'string',
  binary: 'boolean',
  'binary-file': 'string',
  metadata: 'json',
  'metadata-file': 'string',
  'stream-interval': 'string',
  'stream-call-duration': 'string',
  'stream-call-count': 'number',
  'stream-dynamic-messages': 'boolean',
  'reflect-metadata': 'json',
  output: 'string',
  format: 'string',
  skipFirst: 'number',
  'count-errors': 'boolean',
  connections: 'number',
  'connect-timeout': 'string',
  keepalive: 'string',
  name: 'string',
  tags: 'json',
  cpus: 'number',
  'enable-compression': 'boolean',
  'lb-strategy': 'string',
  host: 'string',
  rate: 'number',
  warmup: 'string',
  windows: 'string',
  rtt: 'string',
  hdr: 'string',
  transport: 'string',
  'fail-on': 'string',
}

/** A problem of a run's options: which, and what is expected. */
export interface OptionProblem {
  readonly path: string
  readonly message: string
}

/** Throws TM_RPC_BENCH_OPTIONS naming all problems, if there are any. */
export function refuseProblems(problems: readonly OptionProblem[]): void {
  if (problems.length === 0) return
  const summary = problems.map((one) => `${one.path} ${one.message}`).join('; ')
  throw benchErrors.error('TM_RPC_BENCH_OPTIONS', { summary, problems })
}
