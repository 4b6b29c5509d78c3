import type { Clock, Random, Timer } from '@tidemill/core'

/** Keys of TLS session tickets that all workers share, made anew from time to time. */
export class TicketKeys {
  readonly #clock: Clock
  readonly #random: Random
  readonly #rotationMs: number
  readonly #changed: (keys: string) => void
  #keys: string
  #timer: Timer

  constructor(clock: Clock, random: Random, rotationMs: number, changed: (keys: string) => void) {
    this.#clock = clock
    this.#random = random
    this.#rotationMs = rotationMs
    this.#changed = changed
    this.#keys = this.#make()
    this.#timer = this.#arm()
  }

  /** Base64 of 48 bytes. */
  get keys(): string {
    return this.#keys
  }

  #make(): string {
    return Buffer.from(this.#random.bytes(new Uint8Array(48))).toString('base64')
  }

  #arm(): Timer {
    const rotate = (): void => {
      this.#keys = this.#make()
      this.#timer = this.#arm()
      this.#changed(this.#keys)
    }
    return this.#clock.timer(this.#rotationMs, rotate, { ref: false })
  }

  close(): void {
    this.#timer.cancel()
  }
}
