import type { Fields, ObjectCheck } from '../object-check.ts'
import {
  checkUnique,
  integerShape,
  listShape,
  objectShape,
  type Shape,
  textShape,
} from './shape.ts'

const subdomain = String.raw`[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*`
const subdomainForm = new RegExp(`^${subdomain}$`, 'u')
const hostnameForm = new RegExp(String.raw`^(?:\*\.)?${subdomain}$`, 'u')
const labelForm = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/u
const kindForm = /^[a-zA-Z](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/u
const ipv4 = /^\d+(?:\.\d+){3}$/u

/** Shapes that the kinds of Gateway API share (apis/v1/shared_types.go). */
export const nameShape: Shape = textShape(253)
export const namespaceShape: Shape = textShape(63, labelForm, 'a lower-case DNS label')
export const sectionShape: Shape = textShape(253, subdomainForm, 'a lower-case DNS name')
export const portShape: Shape = integerShape(1, 65_535)
export const kindShape: Shape = textShape(63, kindForm, 'a kind')
export const preciseHostnameShape: Shape = textShape(253, subdomainForm, 'a lower-case DNS name')

/** Empty is the core group. */
export const groupShape: Shape = (check, path, value) => {
  if (value !== '') check.text(path, value, 253, subdomainForm, 'an API group')
}

export const hostnameShape: Shape = (check, path, value) => {
  check.text(path, value, 253, hostnameForm, 'a lower-case host name, perhaps with a leading *.')
  if (typeof value === 'string' && ipv4.test(value)) {
    check.wrong(path, value, 'a name, not an IP address')
  }
}

/** ParentReferences are written by every kind of route. */
export const parentRefsShape: Shape = (check, path, value) => {
  parentRefs(check, path, value)
  checkParents(check, path, value)
}

const parentRefs = listShape(
  objectShape({
    group: groupShape,
    kind: kindShape,
    namespace: namespaceShape,
    'name!': nameShape,
    sectionName: sectionShape,
    port: portShape,
  }),
  32,
)

function parentOf(ref: Fields): string {
  const { group = 'gateway.networking.k8s.io', kind = 'Gateway', namespace = '', name } = ref
  return JSON.stringify([group, kind, namespace, name])
}

/** Two references to one parent must both say which part of it, and not the same part. */
function checkParents(check: ObjectCheck, path: string, value: unknown): void {
  if (!Array.isArray(value)) return
  checkUnique(
    check,
    path,
    value,
    (ref) => parentOf(ref) + JSON.stringify([ref['sectionName'] ?? '', ref['port'] ?? 0]),
    'a reference that no other equals',
  )
  const whole = new Map<string, string>()
  for (const [i, item] of (value as readonly unknown[]).entries()) {
    if (typeof item !== 'object' || item === null) continue
    const ref = item as Fields
    const how = JSON.stringify([ref['sectionName'] === undefined, ref['port'] === undefined])
    const known = whole.get(parentOf(ref))
    if (known !== undefined && known !== how) {
      const expected = 'with sectionName or port like the other references to the same parent'
      check.wrong(`${path}/${i}`, item, expected)
    }
    whole.set(parentOf(ref), how)
  }
}

export const backendRefFields: Readonly<Record<string, Shape>> = {
  group: groupShape,
  kind: kindShape,
  'name!': nameShape,
  namespace: namespaceShape,
  port: portShape,
  weight: integerShape(0, 1_000_000),
}

/** A Service is named with its port (BackendObjectReference). */
export function checkServicePort(check: ObjectCheck, path: string, ref: Fields): void {
  const service = (ref['group'] ?? '') === '' && (ref['kind'] ?? 'Service') === 'Service'
  if (service && (ref['port'] ?? undefined) === undefined) {
    check.wrong(`${path}/port`, undefined, 'there for a Service')
  }
}

export const backendRefShape: Shape = objectShape(backendRefFields, checkServicePort)

/** SecretObjectReference: group and kind have defaults. */
export const secretRefShape: Shape = objectShape({
  group: groupShape,
  kind: kindShape,
  'name!': nameShape,
  namespace: namespaceShape,
})

/** ObjectReference: group and kind must be written. */
export const objectRefShape: Shape = objectShape({
  'group!': groupShape,
  'kind!': kindShape,
  'name!': nameShape,
  namespace: namespaceShape,
})

export const localRefShape: Shape = objectShape({
  'group!': groupShape,
  'kind!': kindShape,
  'name!': nameShape,
})
