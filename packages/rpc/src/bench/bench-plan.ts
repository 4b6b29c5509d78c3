import {
  type BenchConfig,
  type NumberKey,
  type OptionProblem,
  refuseProblems,
  type TextKey,
} from './bench-config.ts'
import { type FailCondition, parseFailOn } from './fail-on.ts'
import { parseGoDuration } from './go-duration.ts'
import type { WindowSetting } from './load-settings.ts'
import { type ReportFormat, reportFormats } from './report-format.ts'
import {
  constantLoad,
  constantWorkers,
  type LoadSchedule,
  stepLoad,
  type StepOptions,
  stepWorkers,
  unpaced,
  type WorkerSchedule,
} from './schedule.ts'
import { sweepFormats } from './sweep-report.ts'
import { parseRtts, parseWindows } from './sweep-lists.ts'

/** A run's options, read and checked. Times in milliseconds; 0 stands for none. */
export interface BenchPlan {
  readonly call: string
  readonly target: BenchTarget
  readonly loop: 'closed' | 'open'
  readonly load: LoadSchedule
  readonly rate: number
  readonly workers: WorkerSchedule
  /** Most calls in flight; those of an open loop that find it full wait, and their wait counts. */
  readonly maxInFlight: number
  /** Calls to run; Infinity when only the duration ends the run. */
  readonly total: number
  readonly durationMs: number
  readonly stop: 'close' | 'wait' | 'ignore'
  readonly timeoutMs: number
  readonly connections: number
  readonly connectTimeoutMs: number
  readonly keepaliveMs: number
  readonly spread: 'pick_first' | 'round_robin'
  readonly stream: StreamPlan
  readonly skipFirst: number
  readonly countErrors: boolean
  readonly warmupMs: number
  readonly gzip: boolean
  readonly name: string
  readonly windows: readonly WindowSetting[]
  readonly rtts: readonly number[]
  /** More than one combination of windows and round trip: the result is a matrix. */
  readonly sweep: boolean
  readonly format: ReportFormat
  readonly transport: 'ours' | 'node'
  /** Conditions of which none may hold. */
  readonly failOn: readonly FailCondition[]
}

export interface BenchTarget {
  readonly host: string
  readonly port: number
  /** The text as it was given. */
  readonly text: string
  readonly plaintext: boolean
  readonly authority: string
}

export interface StreamPlan {
  readonly intervalMs: number
  readonly durationMs: number
  /** Messages of a call; 0 for what the data has. */
  readonly count: number
  readonly dynamic: boolean
}

const openInFlight = 1000
const asyncInFlight = 10_000
const mostWorkers = 10_000
const sweepWarmup = '500ms'

/** Reads and checks the options; throws TM_RPC_BENCH_OPTIONS with every problem found. */
export function planBench(config: BenchConfig): BenchPlan {
  const problems: OptionProblem[] = []
  const problem = (path: string, message: string): void => void problems.push({ path, message })
  const ms = (key: TextKey, fallback = '0'): number => {
    const text: string = config[key] ?? fallback
    const value = parseGoDuration(text)
    if (value === undefined) problem(`--${key}`, `takes a duration such as 10s, not "${text}"`)
    return value ?? 0
  }
  const whole = (key: NumberKey, fallback: number, least = 0): number => {
    const value: number = config[key] ?? fallback
    if (!Number.isInteger(value) || value < least) {
      problem(`--${key}`, `takes a whole number of at least ${least}, not ${value}`)
    }
    return value
  }
  const choice = <T extends string>(key: TextKey, choices: readonly T[]): T => {
    const text: string | undefined = config[key] ?? choices[0]
    const found = choices.find((one) => one === text)
    if (found === undefined)
      problem(`--${key}`, `takes one of ${choices.join(', ')}, not "${text ?? ''}"`)
    return found ?? (choices[0] as T)
  }
  const steps = (prefix: 'load' | 'concurrency', kind: 'step' | 'line'): StepOptions => {
    const start = whole(`${prefix}-start`, prefix === 'concurrency' ? 1 : 0, 1)
    const step = whole(`${prefix}-step`, 0, Number.NEGATIVE_INFINITY)
    const end = whole(`${prefix}-end`, 0)
    const stepMs = kind === 'line' ? 1000 : ms(`${prefix}-step-duration`)
    if (step === 0) problem(`--${prefix}-step`, 'must not be 0 for this schedule')
    if (start === end) problem(`--${prefix}-end`, 'must differ from the start')
    if (stepMs <= 0) problem(`--${prefix}-step-duration`, 'is needed for a step schedule')
    return { start, step, end, stepMs, maxMs: ms(`${prefix}-max-duration`) }
  }
  if (config.call === undefined || config.call === '') problem('--call', 'is needed')
  const target = readTarget(config, problem)
  const concurrency = whole('concurrency', 50, 1)
  const connections = whole('connections', 1, 1)
  const rate = config.rate ?? 0
  const rps = whole('rps', 0)
  const open = rate > 0
  const schedule = choice('load-schedule', ['const', 'step', 'line'])
  const workerSchedule = choice('concurrency-schedule', ['const', 'step', 'line'])
  if (config.rate !== undefined && !(rate > 0)) problem('--rate', 'must be above 0')
  if (open && (rps > 0 || schedule !== 'const')) {
    problem('--rate', 'is an open loop: use it without --rps and --load-schedule')
  }
  const maxInFlight = open
    ? (config.concurrency ?? openInFlight)
    : config.async === true
      ? asyncInFlight
      : mostWorkers
  const load = loadOf(schedule, steps, open ? rate : rps)
  const workers =
    workerSchedule === 'const'
      ? constantWorkers(open || config.async === true ? maxInFlight : concurrency)
      : stepWorkers(steps('concurrency', workerSchedule), maxInFlight)
  if (concurrency > mostWorkers) problem('--concurrency', `is at most ${mostWorkers}`)
  if (connections > concurrency && !open) problem('--connections', 'cannot exceed --concurrency')
  const duration = ms('duration')
  const most = ms('max-duration')
  const total = duration > 0 && most === 0 ? Number.POSITIVE_INFINITY : whole('total', 200, 1)
  const skipFirst = whole('skipFirst', 0)
  if (skipFirst > total) problem('--skipFirst', 'cannot exceed --total')
  const windows =
    config.windows === undefined ? (['auto'] as const) : parseWindows(config.windows, problems)
  const rtts = config.rtt === undefined ? [0] : parseRtts(config.rtt, problems)
  const sweep = windows.length * rtts.length > 1
  if (windows.length * rtts.length > 64) problem('--windows', 'and --rtt make more than 64 runs')
  const beyond = open || config.windows !== undefined || config.rtt !== undefined
  const format = choice('format', reportFormats)
  if (sweep && !sweepFormats.some((one) => one === format)) {
    problem('--format', `of a sweep is one of ${sweepFormats.join(', ')}`)
  }
  const plan: BenchPlan = {
    call: config.call ?? '',
    target,
    loop: open ? 'open' : 'closed',
    load,
    rate: open ? rate : rps,
    workers,
    maxInFlight,
    total,
    durationMs: most > 0 ? most : duration,
    stop: choice('duration-stop', ['close', 'wait', 'ignore']),
    timeoutMs: ms('timeout', '20s'),
    connections,
    connectTimeoutMs: ms('connect-timeout', '10s'),
    keepaliveMs: ms('keepalive'),
    spread: choice('lb-strategy', ['pick_first', 'round_robin']),
    stream: {
      intervalMs: ms('stream-interval'),
      durationMs: ms('stream-call-duration'),
      count: whole('stream-call-count', 0),
      dynamic: config['stream-dynamic-messages'] === true,
    },
    skipFirst,
    countErrors: config['count-errors'] === true,
    warmupMs: ms('warmup', beyond ? sweepWarmup : '0'),
    gzip: config['enable-compression'] === true,
    name: config.name ?? '',
    windows,
    rtts,
    sweep,
    format,
    transport: choice('transport', ['ours', 'node']),
    failOn: config['fail-on'] === undefined ? [] : parseFailOn(config['fail-on'], problems),
  }
  refuseProblems(problems)
  return plan
}

function loadOf(
  schedule: 'const' | 'step' | 'line',
  steps: (prefix: 'load', kind: 'step' | 'line') => StepOptions,
  rate: number,
): LoadSchedule {
  if (schedule !== 'const') return stepLoad(steps('load', schedule))
  return rate > 0 ? constantLoad(rate) : unpaced
}

/** What of a configuration says where the server is and how to speak to it. */
export type TargetConfig = Pick<
  BenchConfig,
  'host' | 'insecure' | 'cacert' | 'cert' | 'key' | 'cname' | 'skipTLS' | 'authority'
>

/** The target of a configuration; throws TM_RPC_BENCH_OPTIONS when it is none. */
export function planTarget(config: TargetConfig): BenchTarget {
  const problems: OptionProblem[] = []
  const target = readTarget(config, (path, message) => void problems.push({ path, message }))
  refuseProblems(problems)
  return target
}

function readTarget(
  config: TargetConfig,
  problem: (path: string, message: string) => void,
): BenchTarget {
  const text = config.host ?? ''
  const plain = text.replace(/^(?:dns:\/\/\/|passthrough:\/\/\/)/u, '')
  const [, bracketed, name, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/u.exec(plain) ?? []
  const host = bracketed ?? name ?? ''
  const port = Number(digits ?? 443)
  if (text === '') problem('HOST', 'is needed, for example 127.0.0.1:50051')
  else if (host === '' || port < 1 || port > 65_535) problem('HOST', `"${text}" is not HOST:PORT`)
  return {
    host,
    port,
    text,
    plaintext: isPlaintext(config, host),
    authority: config.authority ?? (config.cname === undefined ? plain : config.cname),
  }
}

/**
 * ghz speaks TLS unless told `--insecure`. A loopback target without any TLS flag is taken as plaintext too: nobody
 * listens in there, and servers under test seldom have a certificate. Elsewhere `--insecure` must be said.
 */
function isPlaintext(config: TargetConfig, host: string): boolean {
  if (config.insecure !== undefined) return config.insecure
  const tls = [config.cacert, config.cert, config.key, config.cname]
  if (config.skipTLS === true || tls.some((one) => one !== undefined && one !== '')) return false
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/u.test(host)
}
