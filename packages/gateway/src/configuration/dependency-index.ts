/** Which units depend on which objects, by keys such as `Gateway ns/name`. */
export class DependencyIndex {
  readonly #units = new Map<string, readonly string[]>()
  readonly #dependents = new Map<string, Set<string>>()

  /** Says what a unit depends on now; an empty list forgets it. */
  set(unit: string, keys: readonly string[]): void {
    const before = this.#units.get(unit)
    if (before !== undefined && same(before, keys)) return
    for (const key of before ?? []) {
      const units = this.#dependents.get(key)
      units?.delete(unit)
      if (units?.size === 0) this.#dependents.delete(key)
    }
    for (const key of keys) {
      let units = this.#dependents.get(key)
      if (units === undefined) this.#dependents.set(key, (units = new Set()))
      units.add(unit)
    }
    if (keys.length === 0) this.#units.delete(unit)
    else this.#units.set(unit, keys)
  }

  of(key: string): Iterable<string> {
    return this.#dependents.get(key) ?? nobody
  }
}

const nobody: readonly string[] = []

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, i) => key === b[i])
}
