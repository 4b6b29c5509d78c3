/** What JSON can hold; everything that travels between a saga and its participants is this. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

export type StepDirection = 'action' | 'compensate'

/** What a destination is asked to do. (sagaId, step, direction) is the idempotency key: attempts repeat it. */
export interface StepRequest {
  readonly sagaId: string
  readonly type: string
  readonly tenant: string
  readonly bizKey: string
  readonly step: string
  readonly direction: StepDirection
  /** Counts from 1. */
  readonly attempt: number
  /** The saga's input, or what an operator put in its place when redriving. */
  readonly payload: Json
  /** Results of the steps that have been executed, by step name; on compensation the step's own is among them. */
  readonly results: Readonly<Record<string, Json>>
}

/**
 * What became of a request. `executed`, `duplicate` and `null-compensated` are success; `rejected` and `suspended`
 * are definitive refusals of an action; `running` means "not yet, ask again". An unknown outcome is a thrown error.
 */
export interface StepAnswer {
  readonly outcome:
    | 'executed'
    | 'duplicate'
    | 'null-compensated'
    | 'rejected'
    | 'suspended'
    | 'running'
  readonly result?: Json
  readonly reason?: string
  /** With `running`: milliseconds before the next attempt. */
  readonly retryAfterMs?: number
}

/** What a destination gets beside the request. */
export interface StepContext {
  /** Aborts when the attempt's timeout is over or the dispatcher closes. */
  readonly signal: AbortSignal
  /** Milliseconds that the attempt may take: the deadline to send along with a remote call. */
  readonly timeoutMs: number
}

/** Carries requests to a participant: in process, over HTTP, over rpc. A rejection means: outcome unknown, try again. */
export type Destination = (request: StepRequest, context: StepContext) => Promise<StepAnswer>
