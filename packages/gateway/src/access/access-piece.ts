import type { Operator } from './access-operator.ts'
import type { AccessRecord } from './access-record.ts'
import type { LineWriter } from './line-writer.ts'

const mostCached = 512
const longestCached = 256
const cachedNumbers = 1024
const quote = 0x22

/**
 * A value of a line with the bytes before it. Values that come again and again (names of routes, hosts, agents; small
 * numbers) are kept with those bytes as they stand in a line: writing one is a look-up and a copy, which is what makes
 * a line cost less than a microsecond.
 */
export class Piece {
  readonly #json: boolean
  readonly #before: Uint8Array
  readonly #nothing: Uint8Array
  readonly #operator: Operator
  readonly #most: number
  readonly #texts: Map<string, Uint8Array> | undefined
  readonly #numbers: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(
    cachedNumbers,
  ).fill(undefined)

  constructor(json: boolean, before: string, operator: Operator, most: number) {
    this.#json = json
    this.#before = Buffer.from(before, 'latin1')
    this.#nothing = Buffer.from(before + (json ? 'null' : '-'), 'latin1')
    this.#operator = operator
    this.#most = most
    this.#texts = operator.kind === 'text' && operator.repeats ? new Map() : undefined
  }

  /** Most bytes that it writes. */
  get worst(): number {
    return this.#before.length + 6 * Math.max(this.#most, 4) + 5
  }

  write(writer: LineWriter, record: AccessRecord): void {
    const operator = this.#operator
    if (operator.kind === 'text') this.#writeText(writer, operator.read(record))
    else if (operator.kind === 'time') this.#writeTime(writer, operator.read(record))
    else this.#writeNumber(writer, operator.read(record), operator.kind === 'millis')
  }

  #writeText(writer: LineWriter, value: string): void {
    if (value === '') {
      writer.bytes(this.#nothing)
      return
    }
    const texts = this.#texts
    if (texts === undefined || value.length > longestCached) {
      this.#encode(writer, value)
      return
    }
    const kept = texts.get(value)
    if (kept !== undefined) {
      writer.bytes(kept)
      return
    }
    const start = writer.at
    this.#encode(writer, value)
    // Full of values that somebody makes up: those that count come back soon.
    if (texts.size >= mostCached) texts.clear()
    texts.set(value, writer.copy(start))
  }

  #encode(writer: LineWriter, value: string): void {
    writer.bytes(this.#before)
    if (!this.#json) {
      writer.text(value, this.#most)
      return
    }
    writer.byte(quote)
    writer.json(value, this.#most)
    writer.byte(quote)
  }

  #writeNumber(writer: LineWriter, value: number, fraction: boolean): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      writer.bytes(this.#nothing)
      return
    }
    // Envoy's durations, in text, are whole milliseconds.
    if (fraction && this.#json) {
      writer.bytes(this.#before)
      writer.millis(value)
      return
    }
    const whole = Math.floor(value)
    const kept = whole < cachedNumbers ? this.#numbers[whole] : undefined
    if (kept !== undefined) {
      writer.bytes(kept)
      return
    }
    const start = writer.at
    writer.bytes(this.#before)
    writer.integer(whole)
    if (whole < cachedNumbers) this.#numbers[whole] = writer.copy(start)
  }

  #writeTime(writer: LineWriter, value: number): void {
    writer.bytes(this.#before)
    if (this.#json) writer.byte(quote)
    writer.time(value)
    if (this.#json) writer.byte(quote)
  }
}
