import type { Problem } from '@tidemill/core'
import { channelErrors } from './errors.ts'
import { parseServiceConfig } from './service-config-parser.ts'

/** How a failed call is repeated (gRFC A6 retryPolicy). Durations are milliseconds. */
export interface RetryPolicy {
  /** Attempts in all, 2 to 5. */
  readonly maxAttempts: number
  readonly initialBackoffMs: number
  readonly maxBackoffMs: number
  readonly backoffMultiplier: number
  /** Bit `1 << code` is set for each status code that may be retried. */
  readonly retryableCodes: number
}

/** How a call is sent more than once before an answer is there (gRFC A6 hedgingPolicy). */
export interface HedgingPolicy {
  /** Attempts in all, 2 to 5. */
  readonly maxAttempts: number
  readonly hedgingDelayMs: number
  /** Bit `1 << code` is set for each status code that does not end the call while other attempts run. */
  readonly nonFatalCodes: number
}

/** What holds for the calls of one method. */
export interface MethodConfig {
  readonly timeoutMs: number | undefined
  readonly waitForReady: boolean | undefined
  readonly maxRequestBytes: number | undefined
  readonly maxResponseBytes: number | undefined
  readonly retry: RetryPolicy | undefined
  readonly hedging: HedgingPolicy | undefined
}

/** The token bucket that stops retries when most calls fail; both in thousandths of a token (gRFC A6). */
export interface RetryThrottling {
  readonly maxTokens: number
  readonly tokenRatio: number
}

/** The first balancing policy of the list that this process knows, with its configuration as it stands in the JSON. */
export interface BalancerChoice {
  readonly policy: string
  readonly config: Readonly<Record<string, unknown>>
}

/** A validated service config. */
export interface ServiceConfig {
  /** By `/service/method`, `/service/` or `/`. */
  readonly methods: ReadonlyMap<string, MethodConfig>
  readonly throttling: RetryThrottling | undefined
  readonly balancer: BalancerChoice | undefined
  /** The service whose health decides whether a connection is used; undefined: none is asked. */
  readonly healthCheckService: string | undefined
}

export interface ServiceConfigOptions {
  /** Names of the balancing policies that exist. */
  readonly balancers: ReadonlySet<string>
  /** What is wrong with the config of a policy, paths relative to it. */
  readonly checkBalancer?: (
    policy: string,
    config: Readonly<Record<string, unknown>>,
  ) => readonly Problem[]
  /** False refuses fields that gRPC's service_config.proto does not have; default false. A resolver's config sets true. */
  readonly unknownFields?: boolean
}

/** The config of calls that no entry matches. */
export const defaultMethodConfig: MethodConfig = {
  timeoutMs: undefined,
  waitForReady: undefined,
  maxRequestBytes: undefined,
  maxResponseBytes: undefined,
  retry: undefined,
  hedging: undefined,
}

export const emptyServiceConfig: ServiceConfig = {
  methods: new Map(),
  throttling: undefined,
  balancer: undefined,
  healthCheckService: undefined,
}

/**
 * Reads a gRPC service config (service_config.proto as JSON, gRFC A2, A6 and A24), given as text or as the parsed
 * object. Throws TM_RPC_SERVICE_CONFIG whose `details.problems` has every problem with its JSON pointer.
 */
export function readServiceConfig(input: unknown, options: ServiceConfigOptions): ServiceConfig {
  const problems: Problem[] = []
  const config = parseServiceConfig(input, options, problems)
  if (config !== undefined && problems.length === 0) return config
  const [first] = problems
  throw channelErrors.error('TM_RPC_SERVICE_CONFIG', {
    problems,
    first: first === undefined ? 'unreadable' : `${first.path || '/'}: ${first.message}`,
    count: problems.length,
  })
}

/** The entry for `/service/method`: the method's own, else the service's, else the default one. */
export function methodConfig(config: ServiceConfig, path: string): MethodConfig {
  const { methods } = config
  if (methods.size === 0) return defaultMethodConfig
  return (
    methods.get(path) ??
    methods.get(path.slice(0, path.indexOf('/', 1) + 1)) ??
    methods.get('/') ??
    defaultMethodConfig
  )
}

/** Whether the mask of a policy has the status code. */
export function hasCode(mask: number, code: number): boolean {
  return code >= 0 && code < 31 && (mask & (1 << code)) !== 0
}
