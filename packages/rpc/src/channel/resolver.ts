import type { Clock, Random } from '@tidemill/core'
import type { Address } from './address.ts'
import type { Target } from './target.ts'

/** What a resolver found. */
export interface Resolution {
  readonly addresses: readonly Address[]
  /** A service config as JSON text or object, when the resolver has one; it holds where the application gave none. */
  readonly serviceConfig?: unknown
}

/** Hears of everything a resolver finds, any number of times until it is closed. */
export interface ResolverListener {
  resolved(resolution: Resolution): void
  /** Looking it up failed; what was found before still holds. */
  failed(message: string): void
}

/** Finds the addresses behind a target and keeps them up to date. */
export interface Resolver {
  /** A hint that what it found looks stale (a connection broke); it may be ignored or put off. Starts it at first. */
  resolve(): void
  close(): void
}

export interface ResolverContext {
  readonly clock: Clock
  readonly random: Random
  /** Whether service configs in DNS TXT records are looked up. */
  readonly txtServiceConfig: boolean
}

export interface ResolverFactory {
  /**
   * The `:authority` of calls and the name that certificates are checked against, when the options name none. Asked for
   * when the channel is made: throws TM_RPC_TARGET when the target is not of its form.
   */
  authority(target: Target): string
  /** Must not call the listener before `resolve`. */
  create(target: Target, listener: ResolverListener, context: ResolverContext): Resolver
}
