import type { Problem } from '@tidemill/core'
import type { AuthSettings } from '../auth/index.ts'
import { type BreakerSpec, readBreakerSpec } from '../breaker/index.ts'
import type { ConcurrencySpec } from '../concurrency/concurrency-spec.ts'
import type { LimitSpec } from '../limit/limit-spec.ts'
import { type Fields, ObjectCheck } from '../object-check.ts'
import type { ObjectMeta } from '../router/index.ts'
import { checkMetadata, durationMs } from '../router/route-validator.ts'
import type { SloSpec } from '../slo/slo-spec.ts'
import { checkParts, partNames } from './policy-parts.ts'
import { checkPolicyTargets } from './policy-target.ts'

export const policyVersion = 'gateway.tidemill.dev/v1'

/** What HTTPRoute does not say, attached to routes by `targetRefs` (Gateway API, GEP-713). */
export interface RoutePolicy {
  readonly apiVersion: typeof policyVersion
  readonly kind: 'RoutePolicy'
  readonly metadata: ObjectMeta
  readonly spec: RoutePolicySpec
}

/**
 * When several policies name a rule, each field comes from the first that sets it: those that name the
 * rule (`sectionName`) before those that name the route, then the oldest, then by namespace/name.
 */
export interface RoutePolicySpec {
  readonly targetRefs: readonly PolicyTarget[]
  /** Higher goes first among the routes of a hostname, whatever they match; default 0. */
  readonly priority?: number
  readonly breaker?: BreakerSpec
  /** Statuses of the upstream that count as failures; default 500, 502, 503, 504. */
  readonly failureCodes?: readonly number[]
  /** Used where the rule has no `timeouts` of its own. */
  readonly timeouts?: PolicyTimeouts
  /** Largest request body in bytes. */
  readonly maxBodyBytes?: number
  /** Used where the rule has no `retry` of its own, and for what that cannot say. */
  readonly retry?: PolicyRetry
  /** Protocols that a request may change to; default websocket. */
  readonly upgrades?: readonly 'websocket'[]
  /** Sends requests with the same value to the same backend and host. */
  readonly hash?: PolicyHash
  /** Answers in place of the gateway's own 503 and 504. */
  readonly fallback?: PolicyFallback
  /** Rate limits; all of them must let a request through. */
  readonly limits?: readonly LimitSpec[]
  /** Who may come in. */
  readonly auth?: AuthSettings
  /** Objectives, and what is done when they burn. */
  readonly slo?: SloSpec
  /** Requests in flight. */
  readonly concurrency?: ConcurrencySpec
}

/** Routes of the policy's own namespace. */
export interface PolicyTarget {
  readonly group: 'gateway.networking.k8s.io'
  readonly kind: 'HTTPRoute' | 'GRPCRoute'
  readonly name: string
  /** Name of a rule; the whole route without it. */
  readonly sectionName?: string
}

export interface PolicyTimeouts {
  /** Until the response head, everything included; default 15s, `0s` is off. */
  readonly request?: string
  /** One try, from the end of the request until the response head; default 5s, `0s` is off. */
  readonly backendRequest?: string
  /** Longest silence while a response body streams; default 300s, `0s` is off. */
  readonly idle?: string
}

export interface PolicyRetry {
  /** Further tries, 0 to 10; default 1 where the rule does not say. */
  readonly attempts?: number
  /** Statuses that are tried again; default 502, 503, 504. */
  readonly codes?: readonly number[]
  /** Least wait before a try; default 25ms. */
  readonly backoff?: string
  /** Also tries requests again that are not idempotent, such as POST; default false. */
  readonly evenUnsafe?: boolean
  /** Bytes of a request body that are kept for another try; default 64 KiB. */
  readonly bufferBytes?: number
}

/** Exactly one of the four. */
export interface PolicyHash {
  readonly header?: string
  readonly cookie?: string
  readonly query?: string
  readonly address?: true
}

/** What a client gets instead of an error of the gateway's own about the upstream. */
export interface PolicyFallback {
  /** Which errors it replaces; default 503, 504. */
  readonly on?: readonly number[]
  /** Default 200. */
  readonly status?: number
  /** Default application/json. */
  readonly contentType?: string
  /** At most 16 KiB. */
  readonly body: string
}

const fields = [
  'targetRefs',
  'priority',
  'breaker',
  'failureCodes',
  'timeouts',
  'maxBodyBytes',
  'retry',
  'upgrades',
  'hash',
  'fallback',
  ...partNames,
]
const token = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/u
const durationForm = 'a duration with units, such as 10s or 500ms'

/** Everything that is wrong with a policy object, each with its JSON path; empty when it is valid. */
export function validateRoutePolicy(value: unknown): Problem[] {
  const check = new ObjectCheck()
  const policy = check.object('', value)
  if (policy === undefined) return check.problems
  check.oneOf('/apiVersion', policy['apiVersion'], [policyVersion])
  check.oneOf('/kind', policy['kind'], ['RoutePolicy'])
  checkMetadata(check, policy['metadata'])
  const spec = check.object('/spec', policy['spec'])
  if (spec === undefined) return check.problems
  check.known('/spec', spec, fields)
  checkPolicyTargets(
    check,
    spec['targetRefs'],
    ['gateway.networking.k8s.io'],
    ['HTTPRoute', 'GRPCRoute'],
  )
  check.integer('/spec/priority', spec['priority'], -1_000_000, 1_000_000)
  check.integer('/spec/maxBodyBytes', spec['maxBodyBytes'], 0, Number.MAX_SAFE_INTEGER)
  if (spec['breaker'] !== undefined) {
    readBreakerSpec(spec['breaker'], '/spec/breaker', check.problems)
  }
  checkCodes(check, '/spec/failureCodes', spec['failureCodes'])
  checkDurations(check, '/spec/timeouts', spec['timeouts'], ['request', 'backendRequest', 'idle'])
  checkRetry(check, spec['retry'])
  check.list('/spec/upgrades', spec['upgrades'], 1, (path, item) =>
    check.oneOf(path, item, ['websocket']),
  )
  checkHash(check, spec['hash'])
  checkFallback(check, spec['fallback'])
  checkParts(spec, '/spec', check.problems)
  return check.problems
}

function checkCodes(check: ObjectCheck, at: string, value: unknown): void {
  check.list(at, value, 100, (path, item) => {
    if (item === undefined || item === null) check.wrong(path, item, 'a status')
    else check.integer(path, item, 400, 599)
  })
}

function checkDurations(
  check: ObjectCheck,
  at: string,
  value: unknown,
  names: readonly string[],
): void {
  if (value === undefined) return
  const durations = check.object(at, value)
  if (durations === undefined) return
  check.known(at, durations, names)
  for (const name of names) checkDuration(check, `${at}/${name}`, durations[name])
}

function checkDuration(check: ObjectCheck, at: string, value: unknown): void {
  if (value !== undefined && durationMs(value) === undefined) check.wrong(at, value, durationForm)
}

function checkRetry(check: ObjectCheck, value: unknown): void {
  if (value === undefined) return
  const at = '/spec/retry'
  const retry = check.object(at, value)
  if (retry === undefined) return
  check.known(at, retry, ['attempts', 'codes', 'backoff', 'evenUnsafe', 'bufferBytes'])
  check.integer(`${at}/attempts`, retry['attempts'], 0, 10)
  checkCodes(check, `${at}/codes`, retry['codes'])
  checkDuration(check, `${at}/backoff`, retry['backoff'])
  checkFlag(check, `${at}/evenUnsafe`, retry['evenUnsafe'])
  check.integer(`${at}/bufferBytes`, retry['bufferBytes'], 0, 16 * 1024 * 1024)
}

function checkFlag(check: ObjectCheck, at: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') check.wrong(at, value, 'true or false')
}

function checkHash(check: ObjectCheck, value: unknown): void {
  if (value === undefined) return
  const at = '/spec/hash'
  const hash: Fields | undefined = check.object(at, value)
  if (hash === undefined) return
  const names = ['header', 'cookie', 'query', 'address']
  check.known(at, hash, names)
  if (names.filter((name) => hash[name] !== undefined).length !== 1) {
    check.wrong(at, value, `an object with exactly one of ${names.join(', ')}`)
  }
  for (const name of ['header', 'cookie']) {
    if (hash[name] !== undefined) check.text(`${at}/${name}`, hash[name], 256, token, 'a name')
  }
  if (hash['query'] !== undefined) check.text(`${at}/query`, hash['query'], 256)
  if (hash['address'] !== undefined && hash['address'] !== true) {
    check.wrong(`${at}/address`, hash['address'], 'true')
  }
}

function checkFallback(check: ObjectCheck, value: unknown): void {
  if (value === undefined) return
  const at = '/spec/fallback'
  const fallback = check.object(at, value)
  if (fallback === undefined) return
  check.known(at, fallback, ['on', 'status', 'contentType', 'body'])
  check.list(`${at}/on`, fallback['on'], 16, (path, item) => {
    if (item === undefined || item === null) check.wrong(path, item, 'a status')
    else check.integer(path, item, 500, 599)
  })
  check.integer(`${at}/status`, fallback['status'], 200, 599)
  if (fallback['contentType'] !== undefined) {
    const form = /^[\x21-\x7e][\x20-\x7e]*$/u
    check.text(`${at}/contentType`, fallback['contentType'], 256, form, 'a media type')
  }
  const { body } = fallback
  if (typeof body !== 'string' || Buffer.byteLength(body) > 16 * 1024) {
    check.wrong(`${at}/body`, body, 'a text of at most 16 KiB')
  }
}
