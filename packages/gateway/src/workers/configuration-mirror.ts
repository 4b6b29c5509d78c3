import type { ObjectChange } from '../configuration/object-change.ts'
import type { ConfigurationBatch } from './protocol.ts'

interface Mirrored {
  newest: ObjectChange
  /** The newest version that the workers found valid. */
  good: ObjectChange | undefined
}

const nameOf = (change: ObjectChange): string => `${change.kind} ${change.key}`

/**
 * The newest state of the whole configuration, for workers that start late. An object whose newest version is not valid
 * is kept in its last good one too: a worker that starts after the mistake serves what the others still serve.
 */
export class ConfigurationMirror {
  readonly #objects = new Map<string, Mirrored>()
  #revision = 0
  #begun = false

  get revision(): number {
    return this.#revision
  }

  apply({ changes, revision, snapshot }: ConfigurationBatch): void {
    this.#begun = true
    this.#revision = revision
    if (snapshot) {
      const present = new Set(changes.map(nameOf))
      for (const name of this.#objects.keys()) if (!present.has(name)) this.#objects.delete(name)
    }
    for (const change of changes) {
      const name = nameOf(change)
      const known = this.#objects.get(name)
      if (change.text === undefined) this.#objects.delete(name)
      else if (known === undefined) this.#objects.set(name, { newest: change, good: undefined })
      else known.newest = change
    }
  }

  /** Workers have put everything of the batch into force but what is named. */
  confirm({ changes }: ConfigurationBatch, invalid: readonly string[]): void {
    const wrong = new Set(invalid)
    for (const change of changes) {
      const known = this.#objects.get(nameOf(change))
      if (known?.newest === change && !wrong.has(nameOf(change))) known.good = change
    }
  }

  /** What brings an empty configuration to this state. */
  batches(): ConfigurationBatch[] {
    if (!this.#begun) return []
    const revision = this.#revision
    const all = [...this.#objects.values()]
    const first = all.map(({ good, newest }) => good ?? newest)
    const later = all
      .filter(({ good, newest }) => good !== undefined && good !== newest)
      .map(({ newest }) => newest)
    const batches = [{ changes: first, revision, snapshot: true }]
    if (later.length > 0) batches.push({ changes: later, revision, snapshot: false })
    return batches
  }
}
