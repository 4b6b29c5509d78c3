import type { Problem } from '@tidemill/core'
import { type AuthSpec, readAuthSpec } from '../auth/index.ts'
import { type ConcurrencySpec, readConcurrencySpec } from '../concurrency/concurrency-spec.ts'
import { type LimitSpec, readLimitSpec } from '../limit/limit-spec.ts'
import { isFields, ObjectCheck } from '../object-check.ts'
import { readSloSpec, type SloConfig } from '../slo/slo-spec.ts'

/** The parts of a policy that other folders own, as their registries take them. */
export interface PolicyParts {
  readonly limits: readonly LimitSpec[] | undefined
  /** Read; the same object for the same policy. */
  readonly auth: AuthSpec | undefined
  /** Read; the same object for the same policy. */
  readonly slo: SloConfig | undefined
  readonly concurrency: ConcurrencySpec | undefined
}

export const partNames: readonly (keyof PolicyParts)[] = ['limits', 'auth', 'slo', 'concurrency']

/** Adds the problems of those parts of a policy's spec. */
export function checkParts(
  spec: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problem[],
): void {
  checkLimits(spec['limits'], `${path}/limits`, problems)
  if (spec['auth'] !== undefined) readAuth(spec['auth'], `${path}/auth`, problems)
  if (spec['slo'] !== undefined) readSloSpec(spec['slo'], `${path}/slo`, problems)
  if (spec['concurrency'] !== undefined) {
    readConcurrencySpec(spec['concurrency'], `${path}/concurrency`, problems)
  }
}

function checkLimits(value: unknown, path: string, problems: Problem[]): void {
  const check = new ObjectCheck(problems)
  const names = new Set<unknown>()
  check.list(path, value, 16, (at, item) => {
    readLimitSpec(item, at, problems)
    const name = isFields(item) ? item['name'] : undefined
    if (names.has(name)) check.wrong(`${at}/name`, name, 'a name that no other limit here has')
    names.add(name)
  })
}

/** Authenticators are kept by what was read, so one policy gives one object however often it is merged. */
const readBefore = new WeakMap<object, AuthSpec>()

export function readAuth(value: unknown, path: string, problems: Problem[]): AuthSpec | undefined {
  if (!isFields(value)) return readAuthSpec(value, path, problems)
  const known = readBefore.get(value)
  if (known !== undefined) return known
  const read = readAuthSpec(value, path, problems)
  if (read !== undefined) readBefore.set(value, read)
  return read
}

const slosBefore = new WeakMap<object, SloConfig>()

/** Of a policy that was checked. */
export function readSlo(value: object): SloConfig | undefined {
  const known = slosBefore.get(value)
  if (known !== undefined) return known
  const read = readSloSpec(value, '', [])
  if (read !== undefined) slosBefore.set(value, read)
  return read
}
