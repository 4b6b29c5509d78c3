import { type Token, tokenize } from './lexer.ts'
import type { NamePart, OptionUse, OptionValue, TextField } from './option-value.ts'
import type { Source } from './source.ts'

/** Thrown and caught within the parser: the statement cannot be read on, its problem is noted. */
export class SyntaxProblem extends Error {}

/** Messages within messages, in declarations and in literals. */
export const deepest = 64

/** Reads tokens, and the pieces of syntax that many statements share. */
export class TokenReader {
  readonly source: Source
  readonly #tokens: readonly Token[]
  #next = 0

  constructor(source: Source) {
    this.source = source
    this.#tokens = tokenize(source)
  }

  get token(): Token {
    return this.#tokens[this.#next] as Token
  }

  get ahead(): Token {
    return this.#tokens[Math.min(this.#next + 1, this.#tokens.length - 1)] as Token
  }

  get position(): number {
    return this.#next
  }

  advance(): Token {
    const { token } = this
    if (token.kind !== 'end') this.#next++
    return token
  }

  /** Is the next token this word or symbol? */
  at(text: string): boolean {
    const { token } = this
    return token.text === text && (token.kind === 'symbol' || token.kind === 'identifier')
  }

  /** Takes the word or symbol if it is next. */
  take(text: string): boolean {
    if (!this.at(text)) return false
    this.#next++
    return true
  }

  expect(text: string, where: string): Token {
    if (!this.at(text)) this.fail(`expected "${text}" ${where}, found ${this.found()}`)
    return this.advance()
  }

  identifier(what: string): Token {
    if (this.token.kind !== 'identifier') this.fail(`expected ${what}, found ${this.found()}`)
    return this.advance()
  }

  found(): string {
    const { kind, text } = this.token
    if (kind === 'end') return 'the end of the file'
    return kind === 'string' ? `the string "${text}"` : `"${text}"`
  }

  fail(message: string, at: number = this.token.at): never {
    this.source.report(at, message)
    throw new SyntaxProblem(message)
  }

  /** `a.b.c`, with `dot` also `.a.b.c`. */
  path(what: string, dot: boolean): Token {
    const first = this.token
    let text = ''
    if (dot && this.take('.')) text = '.'
    text += this.identifier(what).text
    while (this.take('.')) text += `.${this.identifier(what).text}`
    return { ...first, kind: 'identifier', text }
  }

  /** One string of adjacent literals. */
  string(what: string): Token {
    const first = this.token
    if (first.kind !== 'string') this.fail(`expected ${what}, found ${this.found()}`)
    const parts: Buffer[] = []
    while (this.token.kind === 'string') parts.push(this.advance().bytes)
    const bytes = Buffer.concat(parts)
    return { ...first, text: bytes.toString(), bytes }
  }

  /** A whole number between two limits. */
  integer(what: string, least: bigint, most: bigint): number {
    const { at } = this.token
    const negative = this.take('-')
    if (this.token.kind !== 'integer') this.fail(`expected ${what}, found ${this.found()}`)
    const { integer } = this.advance()
    const value = negative ? -integer : integer
    if (value >= least && value <= most) return Number(value)
    this.source.report(at, `${what} must be between ${least} and ${most}, not ${value}`)
    return Number(least)
  }

  /** Moves behind the statement in which something is wrong: its `;`, or its block. */
  recover(from: number): void {
    // A statement that failed at its first token must not be read again.
    if (this.#next === from && !this.at('}')) this.advance()
    let depth = 0
    while (this.token.kind !== 'end') {
      if (this.at('{')) depth++
      if (this.at('}')) {
        if (depth === 0) return
        depth--
        if (depth === 0) {
          this.advance()
          return
        }
      }
      if (this.at(';') && depth === 0) {
        this.advance()
        return
      }
      this.advance()
    }
  }

  /** `name = value` of an option, behind `option` or within brackets. */
  option(): OptionUse {
    const { at } = this.token
    const name = this.#optionName()
    this.expect('=', 'behind the name of an option')
    return { name, value: this.#optionValue(), at }
  }

  /** `[a = 1, (b).c = 2]`, if it is there. */
  brackets(): OptionUse[] {
    const options: OptionUse[] = []
    if (!this.take('[')) return options
    do options.push(this.option())
    while (this.take(','))
    this.expect(']', 'behind the options')
    return options
  }

  #optionName(): NamePart[] {
    const parts: NamePart[] = []
    do {
      const { at } = this.token
      if (this.take('(')) {
        parts.push({ name: this.path('the name of an option', true).text, extension: true, at })
        this.expect(')', 'behind the name of an option')
      } else {
        parts.push({ name: this.identifier('the name of an option').text, extension: false, at })
      }
    } while (this.take('.'))
    return parts
  }

  #optionValue(): OptionValue {
    const { at } = this.token
    if (this.at('{')) return this.#literal(1)
    return this.#scalar(at)
  }

  #scalar(at: number): OptionValue {
    const negative = this.take('-')
    if (!negative) this.take('+')
    const { kind, text, integer } = this.token
    switch (kind) {
      case 'integer':
        this.advance()
        return { kind: 'integer', at, value: negative ? -integer : integer }
      case 'float':
        this.advance()
        return { kind: 'float', at, value: negative ? -Number(text) : Number(text) }
      case 'identifier':
        this.advance()
        if (!negative) return { kind: 'identifier', at, value: text }
        if (text === 'inf' || text === 'infinity') return { kind: 'float', at, value: -Infinity }
        if (text === 'nan') return { kind: 'float', at, value: Number.NaN }
        return this.fail(`expected a number behind "-", found "${text}"`, at)
      case 'string':
        if (negative) this.fail('expected a number behind "-", found a string', at)
        return { kind: 'string', at, value: this.string('a value').bytes }
      case 'symbol':
      case 'end':
        return this.fail(`expected a value, found ${this.found()}`)
      default:
        return kind satisfies never
    }
  }

  /** A message in the text format, `{ ... }` or `< ... >`. */
  #literal(depth: number): OptionValue {
    const { at } = this.token
    if (depth > deepest) this.fail(`messages are nested deeper than ${deepest}`)
    const close = this.advance().text === '{' ? '}' : '>'
    const fields: TextField[] = []
    while (!this.at(close)) {
      const name = this.#literalName()
      const block = this.at('{') || this.at('<')
      if (!this.take(':') && !block && !this.at('[')) {
        this.fail(`expected ":" behind the name of a field, found ${this.found()}`)
      }
      fields.push({ name, value: this.#literalValue(depth) })
      if (!this.take(',')) this.take(';')
    }
    this.advance()
    return { kind: 'message', at, fields }
  }

  #literalName(): NamePart {
    const { at } = this.token
    if (!this.take('[')) {
      return { name: this.identifier('the name of a field').text, extension: false, at }
    }
    let name = this.path('the name of an extension', true).text
    // The type of an Any: [type.googleapis.com/a.B].
    while (this.take('/')) name += `/${this.path('the name of a type', false).text}`
    this.expect(']', 'behind the name of an extension')
    return { name, extension: true, at }
  }

  #literalValue(depth: number): OptionValue {
    const { at } = this.token
    if (this.at('{') || this.at('<')) return this.#literal(depth + 1)
    if (!this.take('[')) return this.#scalar(at)
    const items: OptionValue[] = []
    if (this.take(']')) return { kind: 'list', at, items }
    do {
      const item = this.token.at
      items.push(this.at('{') || this.at('<') ? this.#literal(depth + 1) : this.#scalar(item))
    } while (this.take(','))
    this.expect(']', 'behind the items of a list')
    return { kind: 'list', at, items }
  }
}
