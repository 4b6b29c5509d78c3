import { compare, type Compare, type KeyValue, type Kv, op, prefix } from '@tidemill/kv'
import { gatewayErrors } from '../errors.ts'
import { objectOf, storageKey } from '../source/object-key.ts'
import type { AdminObject, AdminObjects, ObjectWrite } from './admin-objects.ts'
import type { ObjectLayers } from './object-layers.ts'
import { refuseChanged } from './write-condition.ts'

export interface KvObjectsOptions {
  readonly kv: Kv
  readonly root: string
  /** The objects of files among them are not changed here. */
  readonly layers: ObjectLayers
}

/** Objects in kv: a batch is one transaction, their revisions are those of kv. */
export class KvObjects implements AdminObjects {
  readonly #kv: Kv
  readonly #root: string
  readonly #layers: ObjectLayers

  constructor(options: KvObjectsOptions) {
    this.#kv = options.kv
    this.#root = options.root
    this.#layers = options.layers
  }

  async list(): Promise<readonly AdminObject[]> {
    const { kvs } = await this.#kv.range(prefix(`${this.#root}/`))
    const stored = kvs.flatMap((kv) => this.#read(kv) ?? [])
    return [...this.#layers.list().filter((one) => one.origin !== undefined), ...stored]
  }

  async get(kind: string, key: string): Promise<AdminObject | undefined> {
    const held = this.#layers.get(kind, key)
    if (held?.origin !== undefined) return held
    const { kvs } = await this.#kv.range(storageKey(this.#root, kind, key))
    return kvs[0] && this.#read(kvs[0])
  }

  async write(writes: readonly ObjectWrite[]): Promise<number> {
    const compares: Compare[] = []
    for (const write of writes) {
      const { kind, key, expect } = write
      const held = this.#layers.get(kind, key)
      if (held?.origin !== undefined) {
        throw gatewayErrors.error('TM_GATEWAY_OBJECT_OF_FILE', { kind, key, origin: held.origin })
      }
      const place = storageKey(this.#root, kind, key)
      if (expect === 'any') compares.push(compare.exists(place))
      else if (expect === 0) compares.push(compare.missing(place))
      else if (expect !== undefined) compares.push(compare.mod(place, '=', expect))
    }
    const result = await this.#kv
      .txn()
      .if(...compares)
      .then(
        ...writes.map(({ kind, key, text }) => {
          const place = storageKey(this.#root, kind, key)
          return text === undefined ? op.delete(place) : op.put(place, text)
        }),
      )
      .commit()
    if (result.succeeded) return result.revision
    for (const write of writes) refuseChanged(write, await this.get(write.kind, write.key))
    const [{ kind, key } = { kind: '', key: '' }] = writes
    throw gatewayErrors.error('TM_GATEWAY_OBJECT_CHANGED', { kind, key })
  }

  #read(kv: KeyValue): AdminObject | undefined {
    const place = objectOf(this.#root, Buffer.from(kv.key).toString())
    if (place === undefined) return undefined
    const text = Buffer.from(kv.value).toString()
    return { ...place, text, revision: kv.modRevision, origin: undefined }
  }
}
