import { gatewayErrors } from '../errors.ts'
import type { AdminObject, ObjectWrite } from './admin-objects.ts'

/** Throws TM_GATEWAY_OBJECT_CHANGED when the object is not at the revision that the write asks for. */
export function refuseChanged(write: ObjectWrite, now: AdminObject | undefined): void {
  const { kind, key, expect } = write
  if (expect === undefined) return
  const holds = expect === 'any' ? now !== undefined : (now?.revision ?? 0) === expect
  if (!holds) throw gatewayErrors.error('TM_GATEWAY_OBJECT_CHANGED', { kind, key })
}

/** What the conditional fields of a request ask (RFC 9110 section 13); undefined for none. */
export function expectation(
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
): number | 'any' | 'never' | undefined {
  if (ifMatch !== undefined) {
    if (ifMatch.trim() === '*') return 'any'
    const revision = /^\s*"(\d{1,16})"\s*$/u.exec(ifMatch)?.[1]
    // A weak or foreign tag matches nothing by strong comparison.
    return revision === undefined || revision === '0' ? 'never' : Number(revision)
  }
  if (ifNoneMatch === undefined) return undefined
  return ifNoneMatch.trim() === '*' ? 0 : undefined
}
