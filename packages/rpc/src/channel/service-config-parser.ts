import { type Problem, TidemillError } from '@tidemill/core'
import { JsonPlace } from './json-check.ts'
import type {
  BalancerChoice,
  HedgingPolicy,
  MethodConfig,
  RetryPolicy,
  RetryThrottling,
  ServiceConfig,
  ServiceConfigOptions,
} from './service-config.ts'
import { parseStatusCode } from './status-code.ts'

const rootFields = [
  'loadBalancingPolicy',
  'loadBalancingConfig',
  'methodConfig',
  'retryThrottling',
  'healthCheckConfig',
] as const
const methodFields = [
  'name',
  'waitForReady',
  'timeout',
  'maxRequestMessageBytes',
  'maxResponseMessageBytes',
  'retryPolicy',
  'hedgingPolicy',
] as const
const retryFields = [
  'maxAttempts',
  'initialBackoff',
  'maxBackoff',
  'backoffMultiplier',
  'retryableStatusCodes',
] as const
const hedgingFields = ['maxAttempts', 'hedgingDelay', 'nonFatalStatusCodes'] as const

/** gRFC A6: a larger number is taken as 5, so that no config can multiply the load without bound. */
const mostAttempts = 5

/** Collects all problems; the result is only good when there were none. */
export function parseServiceConfig(
  input: unknown,
  options: ServiceConfigOptions,
  problems: Problem[],
): ServiceConfig | undefined {
  const value = typeof input === 'string' ? parseText(input, problems) : input
  if (problems.length > 0) return undefined
  return new Parser(options).config(new JsonPlace(value, '', problems))
}

function parseText(text: string, problems: Problem[]): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const reason = TidemillError.is(error) ? error.text : (error as Error).message
    problems.push({ path: '', message: `is not JSON: ${reason}` })
    return undefined
  }
}

class Parser {
  readonly #options: ServiceConfigOptions

  constructor(options: ServiceConfigOptions) {
    this.#options = options
  }

  config(place: JsonPlace): ServiceConfig | undefined {
    const root = this.#object(place, rootFields)
    if (root === undefined) return undefined
    const health = root.member('healthCheckConfig')
    return {
      methods: this.#methods(root.member('methodConfig')),
      throttling: this.#throttling(root.member('retryThrottling')),
      balancer: this.#balancer(root),
      healthCheckService: health.absent
        ? undefined
        : this.#object(health, ['serviceName'])?.member('serviceName').text(),
    }
  }

  #object(place: JsonPlace, known: readonly string[]): JsonPlace | undefined {
    return place.object(this.#options.unknownFields === true ? undefined : known)
  }

  #methods(list: JsonPlace): ReadonlyMap<string, MethodConfig> {
    const methods = new Map<string, MethodConfig>()
    for (const item of list.list()) {
      const entry = this.#object(item, methodFields)
      if (entry === undefined) continue
      const config = this.#method(entry)
      const names = entry.member('name')
      for (const name of names.list()) {
        const key = this.#name(name)
        if (key === undefined) continue
        if (methods.has(key)) name.problem(`"${key}" is named twice`)
        else methods.set(key, config)
      }
    }
    return methods
  }

  /** `/service/method`, `/service/` or `/` (gRFC A2: an empty name is the default entry). */
  #name(place: JsonPlace): string | undefined {
    const object = this.#object(place, ['service', 'method'])
    if (object === undefined) return undefined
    const service = object.member('service').text() ?? ''
    const method = object.member('method').text() ?? ''
    if (service === '' && method !== '') return place.problem('has a method but no service')
    if (service.includes('/') || method.includes('/')) {
      return place.problem('has a slash in it', '{ "service": "pkg.Service", "method": "Method" }')
    }
    return service === '' ? '/' : `/${service}/${method}`
  }

  #method(entry: JsonPlace): MethodConfig {
    const retryPolicy = entry.member('retryPolicy')
    const hedgingPolicy = entry.member('hedgingPolicy')
    if (!retryPolicy.absent && !hedgingPolicy.absent) {
      hedgingPolicy.problem('stands beside a retryPolicy; a method has only one of them')
    }
    return {
      timeoutMs: entry.member('timeout').durationMs(),
      waitForReady: entry.member('waitForReady').boolean(),
      maxRequestBytes: entry.member('maxRequestMessageBytes').integer(0),
      maxResponseBytes: entry.member('maxResponseMessageBytes').integer(0),
      retry: retryPolicy.absent ? undefined : this.#retry(retryPolicy),
      hedging: hedgingPolicy.absent ? undefined : this.#hedging(hedgingPolicy),
    }
  }

  #retry(place: JsonPlace): RetryPolicy | undefined {
    const policy = this.#object(place, retryFields)
    if (policy === undefined) return undefined
    const codes = policy.member('retryableStatusCodes')
    const retryableCodes = this.#codes(codes)
    if (codes.absent || (Array.isArray(codes.value) && codes.value.length === 0)) {
      codes.problem('names no status code', 'at least one, for example "UNAVAILABLE"')
    }
    const multiplier = policy.member('backoffMultiplier')
    return {
      maxAttempts: attempts(policy.member('maxAttempts')),
      initialBackoffMs: backoff(policy.member('initialBackoff')),
      maxBackoffMs: backoff(policy.member('maxBackoff')),
      backoffMultiplier: multiplier.need(multiplier.positiveNumber(Infinity)) ?? 1,
      retryableCodes,
    }
  }

  #hedging(place: JsonPlace): HedgingPolicy | undefined {
    const policy = this.#object(place, hedgingFields)
    if (policy === undefined) return undefined
    return {
      maxAttempts: attempts(policy.member('maxAttempts')),
      hedgingDelayMs: policy.member('hedgingDelay').durationMs() ?? 0,
      nonFatalCodes: this.#codes(policy.member('nonFatalStatusCodes')),
    }
  }

  #codes(list: JsonPlace): number {
    let mask = 0
    for (const item of list.list()) {
      const code = parseStatusCode(item.value)
      if (code === undefined) item.problem('is not a gRPC status code', 'a name or 0 to 16')
      else mask |= 1 << code
    }
    return mask
  }

  #throttling(place: JsonPlace): RetryThrottling | undefined {
    if (place.absent) return undefined
    const object = this.#object(place, ['maxTokens', 'tokenRatio'])
    if (object === undefined) return undefined
    const max = object.member('maxTokens')
    const ratio = object.member('tokenRatio')
    const maxTokens = max.need(max.positiveNumber(1000))
    const tokenRatio = ratio.need(ratio.positiveNumber(Infinity))
    if (maxTokens === undefined || tokenRatio === undefined) return undefined
    // Decimals after the third are ignored; a ratio that would vanish by it would never refill the bucket.
    if (tokenRatio < 0.001) return ratio.problem('is too small', 'at least 0.001')
    return {
      maxTokens: Math.floor(maxTokens * 1000 + 1e-6),
      tokenRatio: Math.floor(tokenRatio * 1000 + 1e-6),
    }
  }

  /** gRFC A24: the first policy that is known counts; it is an error when the list has none that is. */
  #balancer(root: JsonPlace): BalancerChoice | undefined {
    const list = root.member('loadBalancingConfig')
    if (list.absent) return this.#namedBalancer(root.member('loadBalancingPolicy'))
    let choice: BalancerChoice | undefined
    const items = list.list()
    for (const item of items) {
      const object = item.object()
      if (object === undefined) continue
      const keys = Object.keys(object.value as object)
      const [policy] = keys
      if (policy === undefined || keys.length > 1) {
        item.problem('does not have exactly one field', 'the name of a policy and its config')
        continue
      }
      const config = object.member(policy).object()
      if (choice !== undefined || config === undefined) continue
      if (this.#options.balancers.has(policy)) {
        choice = { policy, config: config.value as Readonly<Record<string, unknown>> }
        config.adopt(this.#options.checkBalancer?.(policy, choice.config) ?? [])
      }
    }
    if (choice === undefined && items.length > 0) {
      list.problem('has no policy that is known here', [...this.#options.balancers].join(', '))
    }
    return choice
  }

  /** The deprecated field; in it names were written in either case. */
  #namedBalancer(place: JsonPlace): BalancerChoice | undefined {
    const policy = place.text()?.toLowerCase()
    if (policy === undefined || policy === '') return undefined
    if (this.#options.balancers.has(policy)) return { policy, config: {} }
    return place.problem('is not known here', [...this.#options.balancers].join(', '))
  }
}

function attempts(place: JsonPlace): number {
  return Math.min(mostAttempts, place.need(place.integer(2)) ?? 2)
}

function backoff(place: JsonPlace): number {
  const ms = place.need(place.durationMs())
  if (ms === 0) place.problem('is zero', 'a duration above 0')
  return ms ?? 1
}
