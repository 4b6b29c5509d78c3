import { lookup } from 'node:dns/promises'
import type { Clock } from '@tidemill/core'

/** Gives the addresses of a name, in any order; rejects when there are none. */
export type ResolveName = (name: string) => Promise<readonly string[]>

/** The system's answer; IPv6 addresses only of a name that has no others, as Envoy's V4_PREFERRED. */
export async function lookupAddresses(name: string): Promise<readonly string[]> {
  const found = await lookup(name, { all: true })
  const four = found.filter((each) => each.family === 4)
  return (four.length > 0 ? four : found).map((each) => each.address)
}

/** How long an answer is used before it is asked for again. */
export const resolveEveryMs = 5000

interface KnownName {
  addresses: readonly string[] | undefined
  askAgainAt: number
  asking: Promise<void> | undefined
}

/**
 * Addresses of names, asked for at most once in five seconds each. The last good answer stays in force while the resolver
 * fails: a name server that is away for a moment takes no backend away.
 */
export class NameResolver {
  readonly #names = new Map<string, KnownName>()
  readonly #clock: Clock
  readonly #resolve: ResolveName

  constructor(clock: Clock, resolve: ResolveName) {
    this.#clock = clock
    this.#resolve = resolve
  }

  /** The last good answer; undefined when there was none yet. */
  addresses(name: string): readonly string[] | undefined {
    return this.#names.get(name)?.addresses
  }

  /** Resolves when the name's answer is as fresh as it should be, whatever it is. */
  refresh(name: string): Promise<void> {
    let known = this.#names.get(name)
    if (known === undefined) {
      known = { addresses: undefined, askAgainAt: -Infinity, asking: undefined }
      this.#names.set(name, known)
    }
    if (known.asking !== undefined) return known.asking
    if (this.#clock.monotonic() < known.askAgainAt) return Promise.resolve()
    known.asking = this.#ask(name, known)
    return known.asking
  }

  async #ask(name: string, known: KnownName): Promise<void> {
    try {
      const addresses = await this.#resolve(name)
      if (addresses.length > 0) known.addresses = [...new Set(addresses)].toSorted()
    } catch {
      // The last good answer stays.
    }
    known.askAgainAt = this.#clock.monotonic() + resolveEveryMs
    known.asking = undefined
  }
}
