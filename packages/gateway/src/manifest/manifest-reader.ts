import { nearest } from '@tidemill/core'
import { type Document, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import { isFields } from '../object-check.ts'
import { objectKindOf, objectKinds } from '../objects/object-kind.ts'
import { storedKey } from '../configuration/object-store.ts'
import type { ObjectMeta } from '../router/index.ts'

/** An object as a manifest writes it, found valid. */
export interface ManifestObject {
  readonly kind: string
  /** `namespace/name`; of kinds without a namespace the name alone. */
  readonly key: string
  /** As written, without fields that are null. */
  readonly object: Readonly<Record<string, unknown>>
  readonly file: string
  /** Where it begins; the first line is 1. */
  readonly line: number
}

/** What is wrong with a manifest, or worth knowing. */
export interface ManifestProblem {
  readonly severity: 'error' | 'warning'
  readonly file: string
  /** The first line and column are 1. */
  readonly line: number
  readonly column: number
  /** `kind namespace/name` as far as it is known. */
  readonly object: string
  /** JSON pointer within the object; empty for the whole. */
  readonly path: string
  readonly message: string
}

export interface Manifests {
  readonly objects: readonly ManifestObject[]
  /** Objects that are not valid but have a name. */
  readonly rejected: readonly ManifestObject[]
  /** A document could not be parsed, so that nobody knows what it holds. */
  readonly broken: boolean
  readonly problems: readonly ManifestProblem[]
}

/** A manifest of more than this is a mistake, or an attack. */
const longestText = 16 * 1024 * 1024
const mostObjects = 50_000
/** As many as a large file may have; a bomb needs thousands. */
const mostAliases = 100

/** Where something stands; `path` is a JSON pointer within the item. */
type Locate = (path: string) => { readonly line: number; readonly column: number }

/**
 * Reads a file of manifests: YAML documents or JSON, lists (`kind: List`) included. Kinds that the gateway does not read
 * are skipped with a warning. An object that is not valid is reported with every problem, each at its line, and left
 * out; so is the second of two objects with one name.
 */
export function readManifests(text: string, file: string): Manifests {
  const reader = new ManifestReader(file)
  reader.read(text)
  const { objects, rejected, broken, problems } = reader
  return { objects, rejected, broken, problems }
}

class ManifestReader {
  readonly objects: ManifestObject[] = []
  readonly rejected: ManifestObject[] = []
  broken = false
  readonly problems: ManifestProblem[] = []
  readonly #file: string
  readonly #lines = new LineCounter()
  readonly #seen = new Map<string, number>()

  constructor(file: string) {
    this.#file = file
  }

  read(text: string): void {
    if (text.length > longestText) {
      this.broken = true
      this.#report(
        'error',
        { line: 1, column: 1 },
        '',
        '',
        `must have at most ${longestText} bytes`,
      )
      return
    }
    const documents = parseAllDocuments(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      // Kubernetes reads YAML 1.1 by its JSON schema; `yes` and `on` stay texts in both.
      version: '1.2',
      uniqueKeys: true,
      strict: true,
    })
    for (const document of documents) this.#document(document)
  }

  #document(document: Document.Parsed): void {
    for (const error of document.errors) {
      const at = this.#lines.linePos(error.pos[0])
      this.#report(
        'error',
        { line: at.line, column: at.col },
        '',
        '',
        `must be YAML: ${error.message}`,
      )
    }
    if (document.errors.length > 0) this.broken = true
    if (document.errors.length > 0 || document.contents === null) return
    let value: unknown
    try {
      value = document.toJS({ maxAliasCount: mostAliases })
    } catch (error) {
      this.broken = true
      const message = `must be YAML: ${(error as Error).message}`
      this.#report('error', this.#locate(document, [], ''), '', '', message)
      return
    }
    this.#item(value, (path) => this.#locate(document, [], path), document, [])
  }

  #item(
    value: unknown,
    locate: Locate,
    document: Document.Parsed,
    base: readonly (string | number)[],
  ): void {
    if (value === null || value === undefined) return
    const { kind, apiVersion, items } = isFields(value) ? value : {}
    if (!isFields(value) || typeof kind !== 'string' || typeof apiVersion !== 'string') {
      this.#report('error', locate(''), '', '', 'must be an object with apiVersion and kind')
      return
    }
    if (kind.endsWith('List') && Array.isArray(items)) {
      for (const [i, item] of items.entries()) {
        const place = [...base, 'items', i]
        this.#item(item, (path) => this.#locate(document, place, path), document, place)
      }
      return
    }
    this.#object(value, kind, apiVersion, locate)
  }

  #object(
    value: Readonly<Record<string, unknown>>,
    kind: string,
    apiVersion: string,
    locate: Locate,
  ): void {
    const name = nameOf(value)
    const known = objectKindOf(value)
    if (known === undefined) {
      const like = objectKinds.has(kind) ? undefined : nearest(kind, [...objectKinds.keys()])
      const hint = like === undefined ? '' : `; did you mean ${like}?`
      const message = `${apiVersion} ${kind} is not read by the gateway${hint}`
      this.#report('warning', locate('/kind'), `${kind} ${name}`, '/kind', message)
      return
    }
    const object = withoutNulls(value) as Readonly<Record<string, unknown>>
    const problems = known.validate(object)
    for (const { path, message } of problems) {
      this.#report('error', locate(path), `${kind} ${name}`, path, message)
    }
    const place = { file: this.#file, line: locate('').line }
    if (problems.length > 0) {
      if (typeof (object['metadata'] as Partial<ObjectMeta> | undefined)?.name === 'string') {
        const key = storedKey(kind, object['metadata'] as ObjectMeta)
        this.rejected.push({ kind, key, object, ...place })
      }
      return
    }
    const key = storedKey(kind, object['metadata'] as ObjectMeta)
    const id = `${kind} ${key}`
    const first = this.#seen.get(id)
    const { line } = place
    if (first !== undefined) {
      const message = `is there already, at line ${first}`
      this.#report('error', locate('/metadata/name'), id, '/metadata/name', message)
      return
    }
    if (this.objects.length >= mostObjects) {
      if (this.objects.length === mostObjects) {
        this.#report('error', locate(''), id, '', `is one too many: at most ${mostObjects} objects`)
      }
      return
    }
    this.#seen.set(id, line)
    this.objects.push({ kind, key, object, ...place })
  }

  #report(
    severity: ManifestProblem['severity'],
    at: { readonly line: number; readonly column: number },
    object: string,
    path: string,
    message: string,
  ): void {
    // Nobody reads more, and an answer must not grow with a hostile file.
    if (this.problems.length >= 1000) return
    this.problems.push({
      severity,
      file: this.#file,
      line: at.line,
      column: at.column,
      object,
      path,
      message,
    })
  }

  /** The place of a path, or of its nearest ancestor that is written. */
  #locate(
    document: Document.Parsed,
    base: readonly (string | number)[],
    path: string,
  ): { readonly line: number; readonly column: number } {
    const parts = path === '' ? [] : path.slice(1).split('/').map(unescapePointer)
    let node: unknown = document.contents
    let offset = startOf(node) ?? 0
    for (const part of [...base, ...parts]) {
      if (isMap(node)) {
        const pair = node.items.find(
          (item) => isScalar(item.key) && String(item.key.value) === String(part),
        )
        if (pair === undefined) break
        offset = startOf(pair.key) ?? offset
        node = pair.value
      } else if (isSeq(node)) {
        node = node.items[Number(part)]
        offset = startOf(node) ?? offset
      } else break
    }
    const { line, col } = this.#lines.linePos(offset)
    return { line, column: col }
  }
}

function startOf(node: unknown): number | undefined {
  const range = (node as { readonly range?: readonly number[] } | null | undefined)?.range
  return range?.[0]
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

function nameOf(value: Readonly<Record<string, unknown>>): string {
  const metadata = isFields(value['metadata']) ? value['metadata'] : {}
  const { name, namespace } = metadata
  const shown = typeof name === 'string' ? name : ''
  return typeof namespace === 'string' ? `${namespace}/${shown}` : shown
}

/** Kubernetes takes null for absent; what kubectl prints is full of it. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  const kept: [string, unknown][] = []
  for (const [name, field] of Object.entries(value)) {
    if (field !== null) kept.push([name, withoutNulls(field)])
  }
  return Object.fromEntries(kept)
}
