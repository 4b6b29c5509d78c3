import type { RequestView } from '../dataplane/request-view.ts'
import type { AuthResult } from './auth-result.ts'
import type { JwksSet } from './jwks-cache.ts'

/** One condition on a request. */
export interface AuthCheck {
  /** Undefined when keys are being fetched: then their set was put into `pending`. */
  check(view: RequestView, pending: JwksSet[]): AuthResult | undefined
}
