/** Something that was verified, and until when that counts. */
export interface CachedToken {
  /** Wall time in milliseconds from which it is not valid any more. */
  readonly until: number
}

/**
 * The last verified tokens by their text. Two generations instead of a list: a hit on a token in use costs one
 * look-up, and the older half goes at once when the younger is full. Bounded by number and by characters.
 */
export class TokenCache<Entry extends CachedToken> {
  readonly #most: number
  readonly #mostCharacters: number
  #young = new Map<string, Entry>()
  #old = new Map<string, Entry>()
  #characters = 0

  constructor(most = 10_000, mostCharacters: number = 8 << 20) {
    this.#most = Math.max(1, most >> 1)
    this.#mostCharacters = mostCharacters >> 1
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  get(token: string): Entry | undefined {
    const entry = this.#young.get(token)
    if (entry !== undefined) return entry
    const older = this.#old.get(token)
    if (older === undefined) return undefined
    this.#old.delete(token)
    this.set(token, older)
    return older
  }

  set(token: string, entry: Entry): void {
    if (!this.#young.has(token)) this.#characters += token.length
    this.#young.set(token, entry)
    if (this.#young.size < this.#most && this.#characters < this.#mostCharacters) return
    this.#old = this.#young
    this.#young = new Map()
    this.#characters = 0
  }

  delete(token: string): void {
    if (this.#young.delete(token)) this.#characters -= token.length
    this.#old.delete(token)
  }
}
