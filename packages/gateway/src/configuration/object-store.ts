import type { Problem } from '@tidemill/core'
import { objectKinds } from '../objects/object-kind.ts'
import type { ObjectTypes } from '../objects/object-types.ts'
import type { ObjectMeta } from '../router/index.ts'
import type { ObjectChange, ObjectState, ObjectStatus } from './object-change.ts'

/** An object of any kind after it was found valid. */
export interface AnyObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
}

/** The newest version of an object and the one in force. */
export interface StoredObject {
  readonly kind: string
  readonly key: string
  text: string
  revision: number
  origin: string | undefined
  /** Of the version in force; empty while there is none. */
  goodText: string
  /** The newest valid version. */
  object: AnyObject | undefined
  problems: readonly Problem[]
}

/** What a change did to the version in force; undefined on a side where there is none. */
export interface Replacement {
  readonly kind: string
  readonly key: string
  readonly before: AnyObject | undefined
  readonly after: AnyObject | undefined
}

/** etcd takes 1.5 MiB; a route of more than this is a mistake that every reload would pay for. */
const longestRoute = 64 * 1024
/** Kubernetes' own limit for Secrets and ConfigMaps, with room for base64. */
const longestData = 1536 * 1024
const dataKinds: ReadonlySet<string> = new Set(['Secret', 'ConfigMap', 'EndpointSlice', 'Service'])

/** Objects by kind and key. An invalid version leaves the one before in force. */
export class ObjectStore {
  readonly #kinds = new Map<string, Map<string, StoredObject>>()

  get<Kind extends keyof ObjectTypes>(kind: Kind, key: string): ObjectTypes[Kind] | undefined {
    return this.#kinds.get(kind)?.get(key)?.object as ObjectTypes[Kind] | undefined
  }

  stored(kind: string, key: string): StoredObject | undefined {
    return this.#kinds.get(kind)?.get(key)
  }

  /** All of a kind, valid or not. */
  list(kind: string): IterableIterator<StoredObject> {
    return this.#of(kind).values()
  }

  *all(): Generator<StoredObject> {
    for (const objects of this.#kinds.values()) yield* objects.values()
  }

  /** Takes a change in; undefined when nothing that is in force changes. */
  take(change: ObjectChange): Replacement | undefined {
    const { kind, key, text, revision, origin } = change
    const objects = this.#of(kind)
    const known = objects.get(key)
    if (text === undefined) {
      objects.delete(key)
      const before = known?.object
      return before === undefined ? undefined : { kind, key, before, after: undefined }
    }
    if (known !== undefined && known.text === text) {
      known.revision = revision
      known.origin = origin
      return undefined
    }
    const { object, problems } = readObject(kind, key, text)
    if (known === undefined) {
      const goodText = object === undefined ? '' : text
      objects.set(key, { kind, key, text, revision, origin, goodText, object, problems })
      return object === undefined ? undefined : { kind, key, before: undefined, after: object }
    }
    const before = known.object
    known.text = text
    known.revision = revision
    known.origin = origin
    known.problems = problems
    if (object === undefined) return undefined
    known.object = object
    known.goodText = text
    return { kind, key, before, after: object }
  }

  /** Removals of everything that is not among the changes of a snapshot. */
  vanished(changes: readonly ObjectChange[], revision: number): ObjectChange[] {
    const present = new Set(changes.map((change) => `${change.kind} ${change.key}`))
    return Array.from(this.all())
      .filter((stored) => !present.has(`${stored.kind} ${stored.key}`))
      .map(({ kind, key }) => ({ kind, key, text: undefined, revision }))
  }

  #of(kind: string): Map<string, StoredObject> {
    let objects = this.#kinds.get(kind)
    if (objects === undefined) {
      objects = new Map()
      this.#kinds.set(kind, objects)
    }
    return objects
  }
}

export function stateOf(stored: StoredObject): ObjectState {
  if (stored.problems.length === 0) return 'active'
  return stored.object === undefined ? 'invalid' : 'last-good'
}

export function statusOf<T>(stored: StoredObject, warnings: readonly Problem[]): ObjectStatus<T> {
  const { key, revision, problems } = stored
  const object = stored.object as T | undefined
  return { key, state: stateOf(stored), revision, object, problems, warnings }
}

/** `namespace/name`, or the name of an object without a namespace. */
export function storedKey(kind: string, metadata: ObjectMeta): string {
  const namespaced = objectKinds.get(kind)?.namespaced ?? true
  return namespaced ? `${metadata.namespace ?? 'default'}/${metadata.name}` : metadata.name
}

function wrong(problem: Problem): { object: undefined; problems: Problem[] } {
  return { object: undefined, problems: [problem] }
}

function readObject(
  kind: string,
  key: string,
  text: string,
): { readonly object: AnyObject | undefined; readonly problems: readonly Problem[] } {
  const known = objectKinds.get(kind)
  if (known === undefined) return wrong({ path: '/kind', message: `the kind ${kind} is not read` })
  const longest = dataKinds.has(kind) ? longestData : longestRoute
  if (text.length > longest) {
    const message = `must have at most ${longest} characters`
    return wrong({ path: '', message, received: `${text.length}` })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return wrong({ path: '', message: `must be JSON: ${(error as Error).message}` })
  }
  const problems = known.validate(value)
  if (problems.length > 0) return { object: undefined, problems }
  const object = value as AnyObject
  const named = storedKey(kind, object.metadata)
  if (named !== key) {
    const message = `must be named as its storage key says: ${key}`
    return wrong({ path: '/metadata', message, received: named })
  }
  return { object, problems }
}
