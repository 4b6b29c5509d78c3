import type { Fields, ObjectCheck } from '../object-check.ts'

/** One part of what tells the clients of a limit apart. */
export type LimitDescriptor =
  /** Address of the client; IPv6 by its network, because one client commands a whole /64. Default 32 and 64 bits. */
  | {
      readonly type: 'clientAddress'
      readonly ipv4Prefix?: number
      readonly ipv6Prefix?: number
    }
  | { readonly type: 'header' | 'query' | 'cookie' | 'claim'; readonly name: string }
  /** Who the request was authenticated as; the key it came with, never its clear text in any output. */
  | { readonly type: 'consumer' | 'apiKey' }
  | { readonly type: 'method' | 'host' }
  /** That text where the path lies below it (by segment), else the descriptor is missing. */
  | { readonly type: 'pathPrefix'; readonly value: string }
  | { readonly type: 'constant'; readonly value: string }

/** A descriptor and the values that it must have. */
export type LimitCondition = LimitDescriptor & {
  /** Any of these, exactly. */
  readonly values: readonly string[]
}

const fieldsOf: Readonly<Record<string, readonly string[]>> = {
  clientAddress: ['ipv4Prefix', 'ipv6Prefix'],
  header: ['name'],
  query: ['name'],
  cookie: ['name'],
  claim: ['name'],
  consumer: [],
  apiKey: [],
  method: [],
  host: [],
  pathPrefix: ['value'],
  constant: ['value'],
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/u

/** Reads one descriptor; undefined when it is not one, with a problem for each thing that is wrong. */
export function readDescriptor(
  check: ObjectCheck,
  path: string,
  value: unknown,
): LimitDescriptor | undefined {
  const spec = check.object(path, value)
  return spec === undefined ? undefined : readFields(check, path, spec, [])
}

/** Reads a descriptor with its values. */
export function readCondition(
  check: ObjectCheck,
  path: string,
  value: unknown,
): LimitCondition | undefined {
  const spec = check.object(path, value)
  if (spec === undefined) return undefined
  const descriptor = readFields(check, path, spec, ['values'])
  const values = spec['values']
  if (!Array.isArray(values) || values.length === 0) {
    check.wrong(`${path}/values`, values, 'a list of 1 to 256 texts')
    return undefined
  }
  check.list(`${path}/values`, values, 256, (at, item) => check.text(at, item, 1024))
  return descriptor && { ...descriptor, values: values as string[] }
}

function readFields(
  check: ObjectCheck,
  path: string,
  spec: Fields,
  more: readonly string[],
): LimitDescriptor | undefined {
  const type = spec['type']
  const allowed = typeof type === 'string' && Object.hasOwn(fieldsOf, type) && fieldsOf[type]
  if (typeof type !== 'string' || allowed === false || allowed === undefined) {
    check.oneOf(`${path}/type`, type, Object.keys(fieldsOf))
    return undefined
  }
  check.known(path, spec, ['type', ...allowed, ...more])
  switch (type) {
    case 'clientAddress': {
      check.integer(`${path}/ipv4Prefix`, spec['ipv4Prefix'], 8, 32)
      check.integer(`${path}/ipv6Prefix`, spec['ipv6Prefix'], 16, 128)
      const ipv4Prefix = (spec['ipv4Prefix'] ?? 32) as number
      const ipv6Prefix = (spec['ipv6Prefix'] ?? 64) as number
      return { type, ipv4Prefix, ipv6Prefix }
    }
    case 'header':
    case 'cookie': {
      check.text(`${path}/name`, spec['name'], 256, token, 'a name of a field')
      const name = String(spec['name'])
      return { type, name: type === 'header' ? name.toLowerCase() : name }
    }
    case 'query':
    case 'claim':
      check.text(`${path}/name`, spec['name'], 256)
      return { type, name: String(spec['name']) }
    case 'pathPrefix':
      check.text(`${path}/value`, spec['value'], 1024, /^\/[^?#]*$/u, 'a path that begins with /')
      return { type, value: String(spec['value']) }
    case 'constant':
      check.text(`${path}/value`, spec['value'], 256)
      return { type, value: String(spec['value']) }
    default:
      return { type } as LimitDescriptor
  }
}
