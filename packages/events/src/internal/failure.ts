import { TidemillError } from '@tidemill/core'

/** Why a handler refused an event; plain data, because it crosses threads. */
export interface Failure {
  readonly position: number
  readonly message: string
  /** True when trying again may help. */
  readonly retryable: boolean
}

/** Waits between tries of one event: 50 ms doubling to 30 s, 8 tries. */
export const retryLimits: { readonly base: number; readonly cap: number; readonly tries: number } =
  {
    base: 50,
    cap: 30_000,
    tries: 8,
  }

export function failureOf(error: unknown, position: number, retryable: boolean): Failure {
  const message = error instanceof Error ? error.message : String(error)
  return { position, message: message.slice(0, 2000), retryable }
}

/** True for what the database, not the handler, did: the whole batch is tried again. */
export function isEngineFailure(error: unknown): boolean {
  return TidemillError.is(error) && error.code.startsWith('TM_SQL_') && error.retryable
}
