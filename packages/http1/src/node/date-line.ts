import type { Clock } from '@tidemill/core'

/** `date: ... CRLF` (RFC 9110 6.6.1), made anew once a second. */
export class DateLine {
  readonly #clock: Clock
  #second = -1
  #line: Buffer = Buffer.alloc(0)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(): Buffer {
    const now = this.#clock.now()
    const second = Math.floor(now / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#line = Buffer.from(`date: ${new Date(now).toUTCString()}\r\n`)
    }
    return this.#line
  }
}
