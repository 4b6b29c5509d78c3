import type { Authenticator } from '../auth/index.ts'
import type { ConcurrencyLimit } from '../concurrency/index.ts'
import type { RequestLimit } from '../limit/index.ts'
import type { RequestView } from '../dataplane/request-view.ts'
import type { Outcome } from '../breaker/index.ts'
import type { EffectivePolicy } from '../policy/index.ts'
import type { HttpHeaderFilter } from '../router/index.ts'

/** What a request to one rule has to pass before it is sent on. */
export interface RuleGuards {
  readonly auth: Authenticator | undefined
  /** Removes what the authenticator keeps from the upstream; before the route's own filters. */
  readonly authFilters: readonly HttpHeaderFilter[]
  readonly limits: readonly RequestLimit[]
  readonly concurrency: ConcurrencyLimit | undefined
}

/** Of rules that no policy guards. */
export const noGuards: RuleGuards = {
  auth: undefined,
  authFilters: [],
  limits: [],
  concurrency: undefined,
}

/** What the objective of a route does to its requests. */
export interface SloGuard {
  /** Whether the request may pass; false while an action sheds it. */
  admit(view: RequestView): boolean
  /** How a request ended: what the breaker counted, and the status that the client was sent. */
  record(outcome: Outcome, status: number, ms: number): void
}

/** Objectives by route. */
export interface SloDirectory {
  /** The objective of a route, made or brought to the settings of its policy; undefined when that has none. */
  open(route: string, policy: EffectivePolicy): SloGuard | undefined
  /** The route is gone, or has no objective any more. */
  drop(route: string): void
}
