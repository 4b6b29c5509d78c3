import type { Fields, ObjectCheck } from '../object-check.ts'

/** Checks one value that is there; adds a problem for each thing that is wrong. */
export type Shape = (check: ObjectCheck, path: string, value: unknown) => void

/** A rule over a whole object, after its fields were checked one by one. */
export type ObjectRule = (check: ObjectCheck, path: string, fields: Fields) => void

export function textShape(longest: number, form?: RegExp, expected?: string): Shape {
  return (check, path, value) => check.text(path, value, longest, form, expected)
}

export function oneOfShape(...allowed: readonly string[]): Shape {
  return (check, path, value) => check.oneOf(path, value, allowed)
}

export function integerShape(low: number, high: number): Shape {
  return (check, path, value) => check.integer(path, value, low, high)
}

export const booleanShape: Shape = (check, path, value) => {
  if (typeof value !== 'boolean') check.wrong(path, value, 'true or false')
}

/** Anything goes; others check it. */
export const anyShape: Shape = () => {
  // Nothing to say about it.
}

export function listShape(item: Shape, most: number, least = 0): Shape {
  return (check, path, value) => {
    if (Array.isArray(value) && value.length < least) {
      check.wrong(path, value, `a list of ${least} to ${most} items`)
      return
    }
    check.list(path, value, most, (at, one) => item(check, at, one))
  }
}

/** An object whose keys are data, such as labels. */
export function mapShape(item: Shape, most: number, key?: RegExp): Shape {
  return (check, path, value) => {
    const fields = check.object(path, value)
    if (fields === undefined) return
    const names = Object.keys(fields)
    if (names.length > most) check.wrong(path, `${names.length} entries`, `at most ${most} entries`)
    for (const name of names.slice(0, most)) {
      const at = `${path}/${pointer(name)}`
      if (key !== undefined && !key.test(name)) check.wrong(at, name, 'a qualified name as key')
      item(check, at, fields[name])
    }
  }
}

/**
 * An object with these fields and no others. A name that ends with `!` must be there. As in Kubernetes, a
 * field that is null is absent.
 */
export function objectShape(shapes: Readonly<Record<string, Shape>>, rule?: ObjectRule): Shape {
  const entries = Object.entries(shapes).map(([key, shape]) => {
    const required = key.endsWith('!')
    return { name: required ? key.slice(0, -1) : key, required, shape }
  })
  const names = entries.map((entry) => entry.name)
  return (check, path, value) => {
    const fields = check.object(path, value)
    if (fields === undefined) return
    check.known(path, fields, names)
    for (const { name, required, shape } of entries) {
      const field = fields[name]
      if (field !== undefined && field !== null) shape(check, `${path}/${name}`, field)
      else if (required) check.wrong(`${path}/${name}`, undefined, 'there')
    }
    rule?.(check, path, fields)
  }
}

/** A name as it stands in a JSON pointer (RFC 6901). */
export function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Complains about each item whose key an earlier item has too. */
export function checkUnique(
  check: ObjectCheck,
  path: string,
  value: unknown,
  keyOf: (item: Fields) => string | undefined,
  expected: string,
): void {
  if (!Array.isArray(value)) return
  const seen = new Set<string>()
  for (const [i, item] of (value as readonly unknown[]).entries()) {
    if (typeof item !== 'object' || item === null) continue
    const key = keyOf(item as Fields)
    if (key === undefined) continue
    if (seen.has(key)) check.wrong(`${path}/${i}`, item, expected)
    seen.add(key)
  }
}
