import type { BreakerState } from './breaker/index.ts'
import type { Configuration } from './configuration.ts'
import { type Explanation, normalPath } from './router/index.ts'

/** A request to explain; nothing is sent anywhere. */
export interface ExplainRequest {
  readonly method?: string
  readonly host: string
  /** May carry a query, which `query` overrides. */
  readonly path: string
  /** A repeated field is given as a list. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly query?: string | Readonly<Record<string, string>>
}

export interface RequestExplanation extends Explanation {
  /** The path as it is matched, after normalising. */
  readonly path: string
  /** What happens to a request that the chosen rule takes; undefined when none does. */
  readonly rule:
    | {
        readonly policies: readonly string[]
        readonly priority: number
        /** Milliseconds, null is off. */
        readonly timeoutsMs: {
          readonly request: number | null
          readonly backendRequest: number | null
        }
        readonly backends: readonly {
          readonly name: string
          readonly weight: number
          readonly endpoints: readonly string[]
          readonly breaker: BreakerState
          readonly invalid?: string
        }[]
        /** Why every request is answered 500. */
        readonly broken?: string
      }
    | undefined
}

/** Asks the configuration in force about a request. */
export function explain(configuration: Configuration, request: ExplainRequest): RequestExplanation {
  const mark = request.path.indexOf('?')
  const written = mark < 0 ? request.path : request.path.slice(0, mark)
  const path = normalPath(written) ?? written
  const query =
    request.query === undefined
      ? mark < 0
        ? ''
        : request.path.slice(mark + 1)
      : typeof request.query === 'string'
        ? request.query.replace(/^\?/u, '')
        : new URLSearchParams({ ...request.query }).toString()
  const headers = Object.entries(request.headers ?? {}).flatMap(([name, value]) =>
    [value].flat().flatMap((line) => [name, line]),
  )
  const question = { method: request.method ?? 'GET', host: request.host, path, query, headers }
  const explanation = configuration.router.explain(question)
  const plan = configuration.router.match(question)?.target
  return {
    ...explanation,
    path,
    rule:
      plan === undefined
        ? undefined
        : {
            policies: plan.policy.policies,
            priority: plan.policy.priority,
            timeoutsMs: {
              request: orNull(plan.requestMs),
              backendRequest: orNull(plan.backendMs),
            },
            backends: plan.backends.map(({ pool, weight, breaker, invalid }) => ({
              name: pool.name,
              weight,
              endpoints: pool.endpoints.map((one) => one.url),
              breaker: breaker.state,
              ...(pool.registered && invalid === undefined
                ? {}
                : { invalid: invalid ?? 'it is not registered' }),
            })),
            ...(plan.broken === undefined ? {} : { broken: plan.broken }),
          },
  }
}

function orNull(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null
}
