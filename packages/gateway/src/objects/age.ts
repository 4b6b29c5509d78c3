import { type ObjectMeta, objectKey } from '../router/http-route.ts'

/** When an object was made, in milliseconds; one that does not say counts as the youngest. */
export function createdAt(metadata: ObjectMeta): number {
  const created = Date.parse(metadata.creationTimestamp ?? '')
  return Number.isNaN(created) ? Number.MAX_SAFE_INTEGER : created
}

/** Negative when `a` wins over `b`: the older, then by `namespace/name` (GEP-713, conflict resolution). */
export function compareAge(a: ObjectMeta, b: ObjectMeta): number {
  return createdAt(a) - createdAt(b) || (objectKey(a) < objectKey(b) ? -1 : 1)
}
