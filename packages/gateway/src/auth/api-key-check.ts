import { hash, timingSafeEqual } from 'node:crypto'
import type { RequestView } from '../dataplane/request-view.ts'
import type { AuthCheck } from './auth-check.ts'
import { AuthResult, noClaims, type Refusals } from './auth-result.ts'
import type { ApiKeyTable } from './auth-spec.ts'
import { claimHeader } from './claim.ts'
import { bareCredential, findCredential, repeated } from './credential-source.ts'

const longestKey = 1024

/** A key whose SHA-256 is in the table. The time it takes says nothing about how near a wrong key came. */
export class ApiKeyCheck implements AuthCheck {
  readonly #table: ApiKeyTable
  readonly #refusals: Refusals
  readonly #results: readonly AuthResult[]

  constructor(table: ApiKeyTable, consumerHeader: string, refusals: Refusals) {
    this.#table = table
    this.#refusals = refusals
    const made = new Map<string, AuthResult>()
    this.#results = table.consumers.map((consumer) => {
      const result = made.get(consumer) ?? accepted(consumer, consumerHeader)
      made.set(consumer, result)
      return result
    })
  }

  check(view: RequestView): AuthResult {
    for (const place of this.#table.from) {
      const found = findCredential(view, place)
      if (found === undefined) continue
      if (found === repeated) return this.#refusals.refuse('repeated')
      const key = bareCredential(found, place)
      const position = key.length > longestKey ? -1 : this.#find(key)
      return this.#results[position] ?? this.#refusals.refuse('api-key')
    }
    return this.#refusals.refuse('missing')
  }

  #find(key: string): number {
    const digest = hash('sha256', key, 'buffer')
    const { byStart, digests } = this.#table
    // The start of a digest is no secret that a guesser could steer towards; the whole is compared in constant time.
    const candidates = byStart.get(digest.toString('hex', 0, 8))
    if (candidates === undefined) return -1
    let match = -1
    for (const position of candidates) {
      const stored = digests.subarray(position * 32, position * 32 + 32)
      if (timingSafeEqual(digest, stored)) match = position
    }
    return match
  }
}

function accepted(consumer: string, header: string): AuthResult {
  const text = claimHeader(consumer)
  const identity = Object.freeze({
    method: 'api-key' as const,
    consumer,
    provider: '',
    claims: noClaims,
    headers: Object.freeze(text === undefined ? [] : [header, text]),
  })
  return new AuthResult(identity, undefined, '')
}
