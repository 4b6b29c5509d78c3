import type { RequestView } from '../dataplane/request-view.ts'
import type { AuthCheck } from './auth-check.ts'
import { type AuthResult, passed, type Refusals } from './auth-result.ts'
import type { IpMatcher } from './ip-matcher.ts'

/** The client's address against two lists. What is no address is in no list, so that only a deny list passes it. */
export class AddressCheck implements AuthCheck {
  readonly #allow: IpMatcher | undefined
  readonly #deny: IpMatcher | undefined
  readonly #refusals: Refusals

  constructor(allow: IpMatcher | undefined, deny: IpMatcher | undefined, refusals: Refusals) {
    this.#allow = allow
    this.#deny = deny
    this.#refusals = refusals
  }

  check(view: RequestView): AuthResult {
    const address = view.clientAddress
    const denied = this.#deny?.has(address) === true
    if (denied || this.#allow?.has(address) === false) return this.#refusals.refuse('address')
    return passed
  }
}
