/** On whose behalf a call between services is made, and how long its answer is waited for. */
export interface CallScope {
  /** Id of the order or of the request, under which the call is noted; none for calls of the shop itself. */
  readonly key?: string | undefined
  /** Milliseconds left for the whole request; none for no limit. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}
