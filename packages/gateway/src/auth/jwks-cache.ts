import { type Clock, parseJson, type Timer } from '@tidemill/core'
import { readJwks, type VerificationKey } from './jwk.ts'

/**
 * Gets a key set: calls `done` once, with the body or with what went wrong. The returned function gives up; `done` is
 * not needed any more then. Must bound the body by {@link mostJwksBytes} and follow no redirects.
 */
export type JwksFetch = (
  uri: string,
  done: (error: unknown, body: string | Uint8Array | undefined) => void,
) => () => void

export const mostJwksBytes: number = 256 * 1024

export interface JwksCacheOptions {
  readonly clock: Clock
  readonly fetch: JwksFetch
}

export interface JwksSettingsMs {
  readonly uri: string
  readonly refreshMs: number
  readonly staleMs: number
  readonly algorithms: readonly string[]
}

/** How an issuer's keys are, for the status page. */
export interface JwksStatus {
  readonly uri: string
  readonly keys: number
  /** Milliseconds since they were fetched; undefined before the first time. */
  readonly ageMs: number | undefined
  /** Why the last fetch failed; empty when it did not. */
  readonly failure: string
}

const timeoutMs = 5000
/** A token with an unknown key asks the issuer at most this often: anybody can write such tokens. */
const cooldownMs = 30_000
const firstRetryMs = 1000
const mostWaiters = 1024

/** The keys of one issuer. Time is monotonic. */
export class JwksSet {
  readonly #clock: Clock
  readonly #fetch: JwksFetch
  readonly #settings: JwksSettingsMs
  #keys: readonly VerificationKey[] = []
  #fetchedAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #failures = 0
  #failure = ''
  #text = ''
  #cancel: (() => void) | undefined = undefined
  #timer: Timer | undefined = undefined
  #waiters: (() => void)[] = []
  /** Changes whenever keys do: what was verified with the old ones is to be verified again. */
  generation = 0

  constructor(options: JwksCacheOptions, settings: JwksSettingsMs) {
    this.#clock = options.clock
    this.#fetch = options.fetch
    this.#settings = settings
  }

  get fetching(): boolean {
    return this.#cancel !== undefined
  }

  /** The keys that may be used now; starts a refresh in the background when it is time. */
  current(): readonly VerificationKey[] {
    const age = this.#clock.monotonic() - this.#fetchedAt
    if (age > this.#settings.refreshMs + this.#settings.staleMs && this.#keys.length > 0) {
      this.#keys = []
      this.#text = ''
      this.generation++
    }
    if (age >= this.#settings.refreshMs) this.#refresh(this.#retryMs())
    return this.#keys
  }

  /** Whether there ever were keys that still count. */
  get usable(): boolean {
    return this.#text !== ''
  }

  /** Asks the issuer anew because a token names a key that is not there, unless it was asked lately. */
  seek(): void {
    this.#refresh(this.#failures > 0 ? this.#retryMs() : cooldownMs)
  }

  /** Calls back when the fetch under way is over; false when too many wait already. */
  wait(done: () => void): boolean {
    if (this.#waiters.length >= mostWaiters) return false
    this.#waiters.push(done)
    return true
  }

  status(): JwksStatus {
    const age = this.#clock.monotonic() - this.#fetchedAt
    return {
      uri: this.#settings.uri,
      keys: this.#keys.length,
      ageMs: Number.isFinite(age) ? age : undefined,
      failure: this.#failure,
    }
  }

  close(): void {
    this.#cancel?.()
    this.#end()
    this.#wake()
  }

  #retryMs(): number {
    if (this.#failures === 0) return 0
    // An issuer that was never reached is asked again soon: requests wait for it.
    return Math.min(cooldownMs, firstRetryMs * 2 ** Math.min(this.#failures - 1, 5))
  }

  #refresh(notBefore: number): void {
    const now = this.#clock.monotonic()
    if (this.fetching || now - this.#triedAt < notBefore) return
    this.#triedAt = now
    let over = false
    const done = (error: unknown, body: string | Uint8Array | undefined): void => {
      if (over) return
      over = true
      this.#end()
      this.#take(error, body)
      this.#wake()
    }
    this.#cancel = () => {
      over = true
    }
    this.#timer = this.#clock.timer(
      timeoutMs,
      () => {
        const cancel = this.#cancel
        done(new Error(`no answer within ${timeoutMs} ms`), undefined)
        cancel?.()
      },
      { ref: false },
    )
    const cancelFetch = this.#fetch(this.#settings.uri, done)
    if (over) return
    this.#cancel = () => {
      over = true
      cancelFetch()
    }
  }

  #end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#cancel = undefined
  }

  /** Keys that cannot be had or read leave the old ones in force. */
  #take(error: unknown, body: string | Uint8Array | undefined): void {
    let keys: VerificationKey[] | undefined
    let failure = error instanceof Error ? error.message : error === undefined ? '' : 'failed'
    if (body !== undefined && failure === '') {
      try {
        const value = parseJson(body, { maxBytes: mostJwksBytes, maxDepth: 16 })
        keys = readJwks(value, this.#settings.algorithms)
      } catch {
        keys = undefined
      }
      if (keys === undefined || keys.length === 0)
        failure = 'the answer is no key set that can be used'
    } else if (failure === '') failure = 'the answer is empty'
    this.#failure = failure
    if (failure !== '' || keys === undefined || body === undefined) {
      this.#failures++
      // The pause counts from the failure: who waited for it is refused then, not made to wait for the next.
      this.#triedAt = this.#clock.monotonic()
      return
    }
    this.#failures = 0
    this.#fetchedAt = this.#clock.monotonic()
    const text = typeof body === 'string' ? body : Buffer.from(body).toString('latin1')
    if (text === this.#text) return
    this.#text = text
    this.#keys = keys
    this.generation++
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter()
  }
}

/**
 * Key sets by URI, shared by all authenticators of a process, so that a new configuration does not fetch what is
 * there. Sets of URIs that nobody uses any more are closed.
 */
export class JwksCache {
  readonly #options: JwksCacheOptions
  readonly #sets = new Map<string, { readonly set: JwksSet; users: number }>()

  constructor(options: JwksCacheOptions) {
    this.#options = options
  }

  /** Starts the first fetch at once, so that the first requests need not wait. */
  open(settings: JwksSettingsMs): JwksSet {
    const id = JSON.stringify(settings)
    const held = this.#sets.get(id)
    if (held !== undefined) {
      held.users++
      return held.set
    }
    const set = new JwksSet(this.#options, settings)
    this.#sets.set(id, { set, users: 1 })
    set.current()
    return set
  }

  release(set: JwksSet): void {
    for (const [id, held] of this.#sets) {
      if (held.set !== set || --held.users > 0) continue
      this.#sets.delete(id)
      set.close()
    }
  }

  status(): JwksStatus[] {
    return Array.from(this.#sets.values(), (held) => held.set.status())
  }

  close(): void {
    for (const held of this.#sets.values()) held.set.close()
    this.#sets.clear()
  }
}
