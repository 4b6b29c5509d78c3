import { addressKey } from './address-key.ts'

/** Connections that are open, all together and by client address. */
export class ConnectionCounter {
  #open = 0
  #accepted = 0
  #refused = 0
  readonly #byAddress = new Map<string, number>()

  get open(): number {
    return this.#open
  }

  get accepted(): number {
    return this.#accepted
  }

  /** Turned away because a limit was reached. */
  get refused(): number {
    return this.#refused
  }

  /** Counts a connection in; undefined where that would exceed a limit, else what `leave` wants. */
  enter(address: string, max: number, maxPerAddress: number): string | undefined {
    const key = addressKey(address)
    const count = this.#byAddress.get(key) ?? 0
    if (this.#open >= max || count >= maxPerAddress) {
      this.#refused++
      return undefined
    }
    this.#open++
    this.#accepted++
    this.#byAddress.set(key, count + 1)
    return key
  }

  leave(key: string): void {
    this.#open--
    const count = (this.#byAddress.get(key) ?? 1) - 1
    if (count > 0) this.#byAddress.set(key, count)
    else this.#byAddress.delete(key)
  }
}
