import type { ReferenceGrantObject } from '../objects/reference-grant.ts'
import type { ObjectStore } from './object-store.ts'

/** Who refers to what; groups in full, the core group empty. */
export interface CrossReference {
  readonly fromGroup: string
  readonly fromKind: string
  readonly fromNamespace: string
  readonly toGroup: string
  readonly toKind: string
  readonly toNamespace: string
  readonly toName: string
}

/** Whether a reference is within one namespace, or a ReferenceGrant of the other namespace permits it. */
export function permitted(store: ObjectStore, reference: CrossReference): boolean {
  if (reference.fromNamespace === reference.toNamespace) return true
  for (const stored of store.list('ReferenceGrant')) {
    const grant = stored.object as ReferenceGrantObject | undefined
    if (grant === undefined) continue
    if ((grant.metadata.namespace ?? 'default') !== reference.toNamespace) continue
    const { from, to } = grant.spec
    const given =
      from.some(
        (one) =>
          one.group === reference.fromGroup &&
          one.kind === reference.fromKind &&
          one.namespace === reference.fromNamespace,
      ) &&
      to.some(
        (one) =>
          coreGroup(one.group) === reference.toGroup &&
          one.kind === reference.toKind &&
          (one.name === undefined || one.name === reference.toName),
      )
    if (given) return true
  }
  return false
}

/** Some write the core group as `core`. */
export function coreGroup(group: string | undefined): string {
  return group === undefined || group === 'core' ? '' : group
}
