import type { Problem } from '@tidemill/core'
import type { Breaker } from './breaker/index.ts'
import type { RuleGuards, SloGuard } from './guard/index.ts'
import type { TrafficCounter } from './metrics.ts'
import type { EffectivePolicy } from './policy/index.ts'
import type {
  CorsPlan,
  HttpHeaderFilter,
  HttpRequestRedirectFilter,
  HttpUrlRewriteFilter,
} from './router/index.ts'
import type { Cluster } from './upstream/cluster.ts'
import type { RetryPlan } from './upstream/upstream-call.ts'

/** One backend of a rule with its share. */
export interface WeightedBackend {
  /** `namespace/service`: how breakers, metrics and logs name it. */
  readonly upstream: string
  /** Its hosts. Ask `cluster.registered` too: a service may get its addresses after the route. */
  readonly cluster: Cluster
  readonly weight: number
  /** Running credit of smooth weighted round robin. */
  credit: number
  readonly breaker: Breaker
  readonly counter: TrafficCounter
  /** Filters of the rule, then those of this backend. */
  readonly requestHeaders: readonly HttpHeaderFilter[]
  readonly responseHeaders: readonly HttpHeaderFilter[]
  /** Of this backend where it has one, else that of the rule. */
  readonly rewrite: HttpUrlRewriteFilter | undefined
  /** Answers the share of this backend with a redirect; it is sent nothing then. */
  readonly redirect: HttpRequestRedirectFilter | undefined
  /** Of the rule and of this backend. */
  readonly mirrors: readonly MirrorPlan[]
  /** Why requests to it are answered 500; undefined when it can be used. */
  readonly invalid: string | undefined
}

/** A copy of `numerator / denominator` of the requests goes there; its answer is thrown away. */
export interface MirrorPlan {
  readonly upstream: string
  readonly cluster: Cluster
  readonly numerator: number
  readonly denominator: number
}

/** Keeps a client's requests at one host (GEP-1619). */
export interface SessionPlan {
  readonly type: 'Cookie' | 'Header'
  /** Of the cookie as it is written, of the header in lower case. */
  readonly name: string
  /** `Path` of the cookie. */
  readonly path: string
  /** Seconds for `Max-Age`; 0 for a cookie that ends with the browser's session. */
  readonly maxAgeSeconds: number
}

/** Where the number comes from that chooses backend and host; requests without it are spread as usual. */
export interface HashSource {
  readonly from: 'header' | 'cookie' | 'query' | 'address'
  /** Header in lower case, cookie or parameter as written; empty for the client's address. */
  readonly name: string
}

/** A rule with its policy, ready to serve requests. */
export interface RulePlan {
  /** `namespace/name`. */
  readonly route: string
  readonly kind: 'HTTPRoute' | 'GRPCRoute'
  readonly ruleIndex: number
  readonly ruleName: string
  readonly policy: EffectivePolicy
  /** Why every request is answered 500. */
  readonly broken: string | undefined
  readonly redirect: HttpRequestRedirectFilter | undefined
  /** Filters of the rule alone, for answers that no backend gives. */
  readonly requestHeaders: readonly HttpHeaderFilter[]
  readonly responseHeaders: readonly HttpHeaderFilter[]
  readonly cors: CorsPlan | undefined
  readonly backends: readonly WeightedBackend[]
  readonly totalWeight: number
  readonly retry: RetryPlan | undefined
  readonly session: SessionPlan | undefined
  readonly hash: HashSource | undefined
  /** What a request has to pass first. */
  readonly guards: RuleGuards
  readonly slo: SloGuard | undefined
  /** Whether WebSocket upgrades are let through. */
  readonly websocket: boolean
  /** Milliseconds; Infinity is off. */
  readonly requestMs: number
  readonly backendMs: number
  readonly idleMs: number
  readonly maxBodyBytes: number
  /** 1 at each status that the breaker counts as a failure. */
  readonly failures: Uint8Array
  /** Counts what the gateway answers by itself on this route. */
  readonly counter: TrafficCounter
  /** What works otherwise than the object says. */
  readonly warnings: readonly Problem[]
}

/**
 * The next backend by smooth weighted round robin (a:5 b:1 c:1 gives aabacaa): exact shares over every
 * cycle without chance. The plan must have a weight above 0.
 */
export function pickBackend<B extends { readonly weight: number; credit: number }>(plan: {
  readonly backends: readonly B[]
  readonly totalWeight: number
}): B {
  const { backends } = plan
  let best = backends[0] as B
  if (backends.length === 1) return best
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[i] as B
    backend.credit += backend.weight
    if (backend.credit > best.credit) best = backend
  }
  best.credit -= plan.totalWeight
  return best
}

/** The backend of a client: the same for the same `hash` (unsigned 32 bits) while the weights stay. */
export function pickBackendByHash(plan: RulePlan, hash: number): WeightedBackend {
  const { backends } = plan
  let left = ((hash >>> 0) / 0x1_0000_0000) * plan.totalWeight
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[i] as WeightedBackend
    left -= backend.weight
    if (left < 0) return backend
  }
  return backends.at(-1) as WeightedBackend
}
