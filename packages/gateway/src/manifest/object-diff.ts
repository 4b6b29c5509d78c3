import { isFields } from '../object-check.ts'
import { pointer } from '../objects/shape.ts'

/** An object by its name. */
export interface NamedObject {
  readonly kind: string
  /** `namespace/name`. */
  readonly key: string
  readonly object: Readonly<Record<string, unknown>>
}

export interface FieldChange {
  /** JSON pointer. */
  readonly path: string
  /** Undefined where there was nothing. */
  readonly before: unknown
  /** Undefined where there is nothing now. */
  readonly after: unknown
}

export interface ObjectDiff {
  readonly added: readonly NamedObject[]
  readonly removed: readonly NamedObject[]
  readonly changed: readonly {
    readonly kind: string
    readonly key: string
    readonly fields: readonly FieldChange[]
  }[]
}

/** Fields that a store writes by itself; a manifest on disk has none of them. */
const bookkeeping: ReadonlySet<string> = new Set([
  '/status',
  '/metadata/creationTimestamp',
  '/metadata/generation',
  '/metadata/managedFields',
  '/metadata/resourceVersion',
  '/metadata/selfLink',
  '/metadata/uid',
])

/** What of one set of objects is another in the other set, by kind and name; status and the like are left out. */
export function diffObjects(
  before: Iterable<NamedObject>,
  after: Iterable<NamedObject>,
): ObjectDiff {
  const old = byId(before)
  const now = byId(after)
  const changed: ObjectDiff['changed'][number][] = []
  for (const [id, { kind, key, object }] of now) {
    const known = old.get(id)
    if (known === undefined) continue
    const fields: FieldChange[] = []
    compare('', known.object, object, kind, fields)
    if (fields.length > 0) changed.push({ kind, key, fields })
  }
  return {
    added: [...now].filter(([id]) => !old.has(id)).map(([, object]) => object),
    removed: [...old].filter(([id]) => !now.has(id)).map(([, object]) => object),
    changed,
  }
}

function byId(objects: Iterable<NamedObject>): Map<string, NamedObject> {
  return new Map(Array.from(objects, (object) => [`${object.kind} ${object.key}`, object]))
}

function compare(
  path: string,
  before: unknown,
  after: unknown,
  kind: string,
  fields: FieldChange[],
): void {
  if (bookkeeping.has(path) || before === after) return
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length)
    for (let i = 0; i < length; i++) {
      compare(`${path}/${i}`, before[i] as unknown, after[i] as unknown, kind, fields)
    }
  } else if (isFields(before) && isFields(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(`${path}/${pointer(name)}`, before[name], after[name], kind, fields)
    }
  } else {
    const secret = kind === 'Secret' && /^\/(?:data|stringData)\//u.test(path)
    const shown = (value: unknown): unknown => (secret && value !== undefined ? '***' : value)
    fields.push({ path, before: shown(before), after: shown(after) })
  }
}
