/**
 * Values by host name: an exact name, `*.` before a name (any number of labels, at least one), or the empty name for all.
 * The most specific wins: exact, the longest wildcard, then the empty name. Of equal names the first one counts.
 */
export class NameTable<T> {
  readonly #exact = new Map<string, T>()
  /** By what follows `*`, the dot included. */
  readonly #suffixes = new Map<string, T>()
  #any: T | undefined = undefined

  /** `name` in lower case. */
  add(name: string, value: T): void {
    if (name === '') this.#any ??= value
    else if (name.startsWith('*.')) {
      const suffix = name.slice(1)
      if (!this.#suffixes.has(suffix)) this.#suffixes.set(suffix, value)
    } else if (!this.#exact.has(name)) this.#exact.set(name, value)
  }

  /** `name` in lower case, without a port. */
  find(name: string): T | undefined {
    const exact = this.#exact.get(name)
    if (exact !== undefined) return exact
    if (this.#suffixes.size > 0) {
      // From the left, so that the longest suffix comes first; a name that begins with a dot has no label before it.
      for (let dot = name.indexOf('.', 1); dot > 0; dot = name.indexOf('.', dot + 1)) {
        const found = this.#suffixes.get(name.slice(dot))
        if (found !== undefined) return found
      }
    }
    return this.#any
  }
}
