import type { Problem } from '@tidemill/core'
import type { BackendRegistry } from './backend.ts'
import type { Breaker } from './breaker/index.ts'
import type { BreakerRegistry } from './breaker-registry.ts'
import type { MetricsRegistry } from './metrics.ts'
import { effectivePolicy, type RoutePolicy, validateRoutePolicy } from './policy.ts'
import {
  createRouter,
  type HttpRoute,
  objectKey,
  type Router,
  validateHttpRoute,
} from './router/index.ts'
import { effectiveRules } from './router/route-entry.ts'
import { planRule, type RulePlan } from './rule-plan.ts'

/**
 * `active`: in force. `last-good`: the newest version is not valid, the one before is in force.
 * `invalid`: never valid, not in force.
 */
export type ObjectState = 'active' | 'last-good' | 'invalid'

/** A route or policy as the configuration store has it. */
export interface ObjectStatus<T> {
  /** `namespace/name`. */
  readonly key: string
  readonly state: ObjectState
  /** Revision of the newest version. */
  readonly revision: number
  /** The version in force. */
  readonly object: T | undefined
  /** What is wrong with the newest version. */
  readonly problems: readonly Problem[]
  /** What works otherwise than the object says: unknown backends, filters that are not served. */
  readonly warnings: readonly Problem[]
}

/** One change of a stored object; `text` absent is a removal. */
export interface ObjectChange {
  readonly kind: 'route' | 'policy'
  /** `namespace/name` as the storage key says it. */
  readonly key: string
  readonly text: string | undefined
  readonly revision: number
}

/** etcd takes 1.5 MiB; a route of more than this is a mistake that every reload would pay for. */
const longestObject = 64 * 1024

interface Stored<T> {
  readonly key: string
  text: string
  revision: number
  object: T | undefined
  problems: readonly Problem[]
}

export interface ConfigurationOptions {
  readonly backends: BackendRegistry
  readonly metrics: MetricsRegistry
  readonly breakers: BreakerRegistry
  readonly maxBodyBytes: number
}

/**
 * The set of routes and policies in force. A batch of changes is applied in one synchronous turn, so a
 * request sees all of it or nothing; an invalid version leaves the one before in force and is reported.
 */
export class Configuration {
  readonly router: Router<RulePlan> = createRouter<RulePlan>()
  readonly #routes = new Map<string, Stored<HttpRoute>>()
  readonly #policies = new Map<string, Stored<RoutePolicy>>()
  readonly #plans = new Map<string, readonly RulePlan[]>()
  readonly #options: ConfigurationOptions
  #revision = 0

  constructor(options: ConfigurationOptions) {
    this.#options = options
  }

  /** Of the newest batch applied. */
  get revision(): number {
    return this.#revision
  }

  /** Applies a batch; `snapshot` says that objects not in it do not exist. Gives how many routes were rebuilt. */
  apply(changes: readonly ObjectChange[], revision: number, snapshot = false): number {
    const all = snapshot ? [...this.#vanished(changes, revision), ...changes] : changes
    const affected = new Set<string>()
    for (const change of all) {
      if (change.kind === 'route') {
        if (this.#store(this.#routes, change, validateHttpRoute)) affected.add(change.key)
        continue
      }
      for (const key of this.#targets(change.key)) affected.add(key)
      if (!this.#store(this.#policies, change, validateRoutePolicy)) continue
      for (const key of this.#targets(change.key)) affected.add(key)
    }
    for (const key of affected) this.#rebuild(key)
    this.#revision = revision
    return affected.size
  }

  plans(route: string): readonly RulePlan[] {
    return this.#plans.get(route) ?? []
  }

  routes(): ObjectStatus<HttpRoute>[] {
    return [...this.#routes.values()].map((stored) =>
      status(stored, this.plans(stored.key).flatMap(planWarnings)),
    )
  }

  policies(): ObjectStatus<RoutePolicy>[] {
    return [...this.#policies.values()].map((stored) => {
      const { namespace = 'default' } = stored.object?.metadata ?? {}
      const warnings = (stored.object?.spec.targetRefs ?? []).flatMap((ref, i): Problem[] =>
        this.#routes.has(`${namespace}/${ref.name}`)
          ? []
          : [
              {
                path: `/spec/targetRefs/${i}`,
                message: `there is no route ${namespace}/${ref.name}`,
              },
            ],
      )
      return status(stored, warnings)
    })
  }

  #vanished(changes: readonly ObjectChange[], revision: number): ObjectChange[] {
    const present = new Set(changes.map((change) => `${change.kind}|${change.key}`))
    const missing = (kind: ObjectChange['kind'], keys: Iterable<string>): ObjectChange[] =>
      [...keys]
        .filter((key) => !present.has(`${kind}|${key}`))
        .map((key) => ({ kind, key, text: undefined, revision }))
    return [...missing('route', this.#routes.keys()), ...missing('policy', this.#policies.keys())]
  }

  /** Takes a change in; false when nothing that is in force changes. */
  #store<T extends HttpRoute | RoutePolicy>(
    objects: Map<string, Stored<T>>,
    change: ObjectChange,
    validate: (value: unknown) => Problem[],
  ): boolean {
    const { key, text, revision } = change
    if (text === undefined) return objects.delete(key)
    const known = objects.get(key)
    if (known !== undefined && known.text === text) {
      known.revision = revision
      return false
    }
    const { object, problems } = read(key, text, validate)
    if (known === undefined) {
      objects.set(key, { key, text, revision, object: object as T | undefined, problems })
      return object !== undefined
    }
    known.text = text
    known.revision = revision
    known.problems = problems
    if (object === undefined) return false
    known.object = object as T
    return true
  }

  /** The routes that a stored policy names. */
  #targets(policyKey: string): string[] {
    const policy = this.#policies.get(policyKey)?.object
    if (policy === undefined) return []
    const { namespace = 'default' } = policy.metadata
    return policy.spec.targetRefs.map((ref) => `${namespace}/${ref.name}`)
  }

  #rebuild(key: string): void {
    const { breakers, metrics, backends, maxBodyBytes } = this.#options
    const route = this.#routes.get(key)?.object
    if (route === undefined) {
      this.router.delete(key)
      this.#plans.delete(key)
      breakers.retain(key, new Set())
      metrics.drop(key)
      return
    }
    const { name, namespace = 'default' } = route.metadata
    const policies = [...this.#policies.values()]
      .map((stored) => stored.object)
      .filter((policy) => policy !== undefined)
      .filter((policy) => (policy.metadata.namespace ?? 'default') === namespace)
    const used = new Set<Breaker>()
    const plans = effectiveRules(route).map((rule, i) =>
      planRule(route, rule, i, effectivePolicy(name, rule.name, policies), {
        backends,
        metrics,
        maxBodyBytes,
        breaker(routeKey, scope, backend, policy) {
          const breaker = breakers.open(routeKey, scope, backend, policy.breaker)
          used.add(breaker)
          return breaker
        },
      }),
    )
    this.router.put(
      route,
      plans.map((plan) => ({ priority: plan.policy.priority, target: plan })),
    )
    this.#plans.set(key, plans)
    breakers.retain(key, used)
  }
}

/** What a plan knows, and which of its backends nobody has registered by now. */
function planWarnings(plan: RulePlan): Problem[] {
  const unregistered = plan.backends.flatMap(({ pool }, i): Problem[] => {
    if (pool.registered) return []
    const path = `/spec/rules/${plan.ruleIndex}/backendRefs/${i}`
    const message = `the backend ${pool.name} is not registered; requests are answered 500`
    return [{ path, message }]
  })
  return plan.warnings.concat(unregistered)
}

function status<T>(stored: Stored<T>, warnings: readonly Problem[]): ObjectStatus<T> {
  const { key, revision, object, problems } = stored
  const state = problems.length === 0 ? 'active' : object === undefined ? 'invalid' : 'last-good'
  return { key, state, revision, object, problems, warnings }
}

function read(
  key: string,
  text: string,
  validate: (value: unknown) => Problem[],
): { readonly object: HttpRoute | RoutePolicy | undefined; readonly problems: Problem[] } {
  if (text.length > longestObject) {
    const message = `must have at most ${longestObject} characters`
    return { object: undefined, problems: [{ path: '', message, received: `${text.length}` }] }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const message = `must be JSON: ${(error as Error).message}`
    return { object: undefined, problems: [{ path: '', message }] }
  }
  const problems = validate(value)
  if (problems.length > 0) return { object: undefined, problems }
  const object = value as HttpRoute | RoutePolicy
  const named = objectKey(object.metadata)
  if (named !== key) {
    const message = `must be named as its storage key says: ${key}`
    return { object: undefined, problems: [{ path: '/metadata', message, received: named }] }
  }
  return { object, problems }
}
