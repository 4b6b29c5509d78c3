const hex = Buffer.from('0123456789abcdef', 'latin1')

/**
 * Writes values as bytes of printable ASCII, whatever they hold: no value can end a line, a string or an escape
 * sequence of a terminal. The caller sees to the room: a character takes at most 6 bytes, a number 24.
 */
export class LineWriter {
  #buffer: Buffer = Buffer.alloc(0)
  #second = -1
  readonly #time: Buffer = Buffer.alloc(20)
  at = 0

  begin(buffer: Buffer, at: number): void {
    this.#buffer = buffer
    this.at = at
  }

  bytes(literal: Uint8Array): void {
    this.#buffer.set(literal, this.at)
    this.at += literal.length
  }

  /** What was written from `start` on, to write it again. */
  copy(start: number): Uint8Array {
    return Uint8Array.from(this.#buffer.subarray(start, this.at))
  }

  byte(value: number): void {
    this.#buffer[this.at++] = value
  }

  /** Within the quotes of a JSON string (RFC 8259 section 7). */
  json(text: string, most: number): void {
    const buffer = this.#buffer
    const cut = text.length > most
    const length = cut ? most : text.length
    let { at } = this
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x20 && unit < 0x7f && unit !== 0x22 && unit !== 0x5c) buffer[at++] = unit
      else if (unit === 0x22 || unit === 0x5c) {
        buffer[at++] = 0x5c
        buffer[at++] = unit
      } else at = wideEscape(buffer, at, unit)
    }
    this.at = cut ? ellipsis(buffer, at) : at
  }

  /** In a line of text, as nginx escapes: `\x0a`; quotes and backslashes too. */
  text(text: string, most: number): void {
    const buffer = this.#buffer
    const cut = text.length > most
    const length = cut ? most : text.length
    let { at } = this
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x20 && unit < 0x7f && unit !== 0x22 && unit !== 0x5c) buffer[at++] = unit
      else if (unit > 0xff) at = wideEscape(buffer, at, unit)
      else {
        buffer[at++] = 0x5c
        buffer[at++] = 0x78
        buffer[at++] = hex[unit >> 4] as number
        buffer[at++] = hex[unit & 15] as number
      }
    }
    this.at = cut ? ellipsis(buffer, at) : at
  }

  /** A whole number from 0 to 2^53 - 1; what lies outside counts as the nearest of them. */
  integer(value: number): void {
    const buffer = this.#buffer
    let left = value > 0 ? Math.min(Math.floor(value), Number.MAX_SAFE_INTEGER) : 0
    let digits = 1
    for (let bound = 10; bound <= left; bound *= 10) digits++
    const end = this.at + digits
    let at = end
    while (left > 0x7fffffff) {
      const rest = Math.floor(left / 10)
      buffer[--at] = 0x30 + (left - rest * 10)
      left = rest
    }
    let small = left | 0
    do {
      const rest = (small / 10) | 0
      buffer[--at] = 0x30 + (small - rest * 10)
      small = rest
    } while (small > 0)
    this.at = end
  }

  /** Milliseconds with three digits behind the point. */
  millis(value: number): void {
    const micros = Math.round(value * 1000)
    const whole = Math.floor(micros / 1000)
    this.integer(whole)
    this.byte(0x2e)
    this.#digits(micros - whole * 1000)
  }

  /** RFC 3339 with milliseconds, UTC. */
  time(ms: number): void {
    const second = Math.floor(ms / 1000)
    if (second !== this.#second) {
      // Beyond what Date knows: an absurd clock must not break the log.
      const known = Math.abs(ms) <= 8.64e15 ? second * 1000 : 0
      this.#time.write(`${new Date(known).toISOString().slice(0, 19)}.`, 0, 'latin1')
      this.#second = second
    }
    this.bytes(this.#time)
    this.#digits(Math.floor(ms) - second * 1000)
    this.byte(0x5a)
  }

  #digits(thousandths: number): void {
    const buffer = this.#buffer
    const value = thousandths | 0
    const tens = (value / 10) | 0
    const hundreds = (value / 100) | 0
    buffer[this.at++] = 0x30 + hundreds
    buffer[this.at++] = 0x30 + (tens - hundreds * 10)
    buffer[this.at++] = 0x30 + (value - tens * 10)
  }
}

function wideEscape(buffer: Buffer, start: number, unit: number): number {
  let at = start
  buffer[at++] = 0x5c
  buffer[at++] = 0x75
  buffer[at++] = hex[unit >> 12] as number
  buffer[at++] = hex[(unit >> 8) & 15] as number
  buffer[at++] = hex[(unit >> 4) & 15] as number
  buffer[at++] = hex[unit & 15] as number
  return at
}

function ellipsis(buffer: Buffer, at: number): number {
  buffer[at] = 0x2e
  buffer[at + 1] = 0x2e
  buffer[at + 2] = 0x2e
  return at + 3
}
