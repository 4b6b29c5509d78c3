import type { ObjectChange } from '../configuration/object-change.ts'

/** Kinds that had a folder of their own before there were others. */
const folders: Readonly<Record<string, string>> = { HTTPRoute: 'routes', RoutePolicy: 'policies' }
const kinds: Readonly<Record<string, string>> = { routes: 'HTTPRoute', policies: 'RoutePolicy' }

/**
 * Where an object lies below a root: `<root>/routes/<namespace>/<name>`, `<root>/policies/<namespace>/<name>`,
 * and `<root>/objects/<kind>/<namespace>/<name>` for every other kind.
 */
export function storageKey(root: string, kind: string, key: string): string {
  return `${root}/${folders[kind] ?? `objects/${kind}`}/${key}`
}

/** The object that a storage key is for; undefined for what belongs to others. */
export function objectOf(
  root: string,
  key: string,
): Pick<ObjectChange, 'kind' | 'key'> | undefined {
  if (!key.startsWith(`${root}/`)) return undefined
  const [folder = '', ...rest] = key.slice(root.length + 1).split('/')
  const known = kinds[folder]
  if (known !== undefined) return { kind: known, key: rest.join('/') }
  if (folder !== 'objects') return undefined
  const [kind, ...name] = rest
  return kind === undefined || name.length === 0 ? undefined : { kind, key: name.join('/') }
}
