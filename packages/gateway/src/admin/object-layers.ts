import type { ObjectChange } from '../configuration/object-change.ts'
import { gatewayErrors } from '../errors.ts'
import type { Configurable } from '../source/kv-source.ts'
import type { Snapshot } from '../source/last-good.ts'
import type { AdminObject, AdminObjects, ObjectWrite } from './admin-objects.ts'
import { refuseChanged } from './write-condition.ts'

/** Brings a batch into force; a `GatewayRuntime` does. */
export type ApplyBatch = (
  changes: readonly ObjectChange[],
  revision: number,
  snapshot: boolean,
) => Promise<void>

/** What a batch did to the objects in force, each `Kind namespace/name`. */
export interface LayerChange {
  readonly revision: number
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
  /** Milliseconds until it was in force everywhere. */
  readonly ms: number
}

export interface ObjectLayersOptions {
  readonly apply: ApplyBatch
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly onApplied?: (change: LayerChange) => void
  /** A batch that could not be brought into force; nothing else tells of it. */
  readonly onFailed?: (error: unknown) => void
}

type Objects = Map<string, ObjectChange>

/**
 * Objects of several sources as the one set that a runtime is given: of two with one name that of the earlier layer
 * counts. Batches are applied one after the other, each under a revision of its own.
 */
export class ObjectLayers {
  readonly #options: ObjectLayersOptions
  readonly #layers: Objects[] = []
  /** What the runtime has. */
  readonly #shown: Objects = new Map()
  #revision = 0
  #pending: Promise<void> = Promise.resolve()
  #last: LayerChange | undefined = undefined

  constructor(options: ObjectLayersOptions) {
    this.#options = options
  }

  /** Of the newest batch that was handed over. */
  get revision(): number {
    return this.#revision
  }

  /** The newest batch in force. */
  get last(): LayerChange | undefined {
    return this.#last
  }

  /** Resolves when everything handed over so far is in force. */
  settled(): Promise<void> {
    return this.#pending
  }

  /** Adds a layer below those that are there. */
  layer(): Configurable {
    const objects: Objects = new Map()
    this.#layers.push(objects)
    return {
      apply: (changes, revision, snapshot = false) =>
        this.#take(objects, changes, revision, snapshot),
      snapshot: () => ({ revision: this.#revision, objects: [...objects.values()] }),
    }
  }

  /** The objects of all layers. */
  list(): readonly AdminObject[] {
    return Array.from(this.#shown.values(), asObject)
  }

  get(kind: string, key: string): AdminObject | undefined {
    const found = this.#shown.get(`${kind} ${key}`)
    return found && asObject(found)
  }

  #take(
    objects: Objects,
    changes: readonly ObjectChange[],
    revision: number,
    snapshot: boolean,
  ): number {
    const touched = new Set<string>()
    if (snapshot) {
      for (const id of objects.keys()) touched.add(id)
      objects.clear()
    }
    for (const change of changes) {
      const id = `${change.kind} ${change.key}`
      touched.add(id)
      if (change.text === undefined) objects.delete(id)
      else objects.set(id, change)
    }
    return this.#show(touched, revision)
  }

  #show(touched: ReadonlySet<string>, sourceRevision: number): number {
    const batch: ObjectChange[] = []
    const names = { added: [] as string[], changed: [] as string[], removed: [] as string[] }
    const revision = Math.max(this.#revision + 1, sourceRevision)
    for (const id of touched) {
      const before = this.#shown.get(id)
      const after = this.#layers.find((layer) => layer.has(id))?.get(id)
      if (after === undefined) {
        if (before === undefined) continue
        this.#shown.delete(id)
        const { kind, key } = before
        batch.push({ kind, key, text: undefined, revision })
        names.removed.push(id)
        continue
      }
      if (before?.text === after.text) {
        // Where it stands may have changed; the object has not.
        this.#shown.set(id, { ...after, revision: before?.revision ?? revision })
        continue
      }
      const change = { ...after, revision }
      this.#shown.set(id, change)
      batch.push(change)
      names[before === undefined ? 'added' : 'changed'].push(id)
    }
    // The first batch is handed over even when it is empty: a gateway of no objects is ready too.
    if (batch.length === 0 && this.#revision > 0) return 0
    this.#revision = revision
    const { now, apply, onApplied, onFailed } = this.#options
    const began = now()
    this.#pending = this.#pending
      .then(() => apply(batch, revision, false))
      .then(() => {
        this.#last = { revision, ...names, ms: now() - began }
        onApplied?.(this.#last)
      })
      .catch((error: unknown) => onFailed?.(error))
    return batch.length
  }
}

function asObject(change: ObjectChange): AdminObject {
  const { kind, key, text = '', revision, origin } = change
  return { kind, key, text, revision, origin }
}

/** Objects written through the admin API, kept in memory as the last layer. */
export class HeldObjects implements AdminObjects {
  readonly #layers: ObjectLayers
  readonly #layer: Configurable
  readonly #onWritten: () => void

  constructor(layers: ObjectLayers, onWritten: () => void = () => undefined) {
    this.#layers = layers
    this.#layer = layers.layer()
    this.#onWritten = onWritten
  }

  async list(): Promise<readonly AdminObject[]> {
    return this.#layers.list()
  }

  async get(kind: string, key: string): Promise<AdminObject | undefined> {
    return this.#layers.get(kind, key)
  }

  /** Those of this layer, to keep them over a restart. */
  snapshot(): Snapshot {
    return this.#layer.snapshot()
  }

  restore(snapshot: Snapshot): void {
    this.#layer.apply(snapshot.objects, snapshot.revision, true)
  }

  async write(writes: readonly ObjectWrite[]): Promise<number> {
    for (const write of writes) {
      const { kind, key } = write
      const now = this.#layers.get(kind, key)
      refuseChanged(write, now)
      if (now?.origin !== undefined && now.text !== write.text) {
        throw gatewayErrors.error('TM_GATEWAY_OBJECT_OF_FILE', { kind, key, origin: now.origin })
      }
    }
    // What a file says in the same words stays the file's.
    const ours = writes.filter(({ kind, key }) => this.#layers.get(kind, key)?.origin === undefined)
    const revision = this.#layers.revision + 1
    this.#layer.apply(
      ours.map(({ kind, key, text }) => ({ kind, key, text, revision })),
      revision,
    )
    await this.#layers.settled()
    this.#onWritten()
    return this.#layers.revision
  }
}
