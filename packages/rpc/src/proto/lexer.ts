import type { Source } from './source.ts'

export type TokenKind = 'identifier' | 'integer' | 'float' | 'string' | 'symbol' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** As written; of a string without its quotes. */
  readonly text: string
  /** Offset in the file. */
  readonly at: number
  /** Of an integer. */
  readonly integer: bigint
  /** Of a string: its bytes, escapes resolved. */
  readonly bytes: Buffer
}

const noBytes = Buffer.alloc(0)
const space = /(?:[\s\uFEFF]+|\/\/[^\n]*|\/\*[^]*?\*\/)+/uy
const word = /[A-Za-z_][A-Za-z0-9_]*/uy
const numeral =
  /0[xX][0-9a-fA-F]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?/uy
const quoted = /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'/uy
const escape =
  /\\(?:[xX]([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([abfnrtv\\'"?])|)/gu
const plainEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  "'": 39,
  '"': 34,
  '?': 63,
}

/** The tokens of a file, an `end` at last; what is no token is reported and left out. */
export function tokenize(source: Source): Token[] {
  const { text } = source
  const tokens: Token[] = []
  const push = (kind: TokenKind, at: number, raw: string, extra?: Partial<Token>): void => {
    tokens.push({ kind, text: raw, at, integer: 0n, bytes: noBytes, ...extra })
  }
  const match = (pattern: RegExp, at: number): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  let at = 0
  while (at < text.length && !source.hopeless) {
    const gap = match(space, at)
    if (gap !== undefined) {
      at += gap.length
      continue
    }
    const character = text[at] as string
    const found =
      match(word, at) ??
      match(numeral, at) ??
      (/["']/u.test(character) ? match(quoted, at) : undefined)
    if (found === undefined) {
      at = symbol(source, at, push)
    } else if (/["']/u.test(character)) {
      push('string', at, found.slice(1, -1), { bytes: unescape(source, found, at) })
      at += found.length
    } else if (/[0-9.]/u.test(character)) {
      at = number(source, at, found, push)
    } else {
      push('identifier', at, found)
      at += found.length
    }
  }
  push('end', text.length, '')
  return tokens
}

type Push = (kind: TokenKind, at: number, raw: string, extra?: Partial<Token>) => void

function symbol(source: Source, at: number, push: Push): number {
  const { text } = source
  const character = String.fromCodePoint(text.codePointAt(at) as number)
  if (text.startsWith('/*', at)) {
    source.report(at, 'a comment that does not end')
    return text.length
  }
  if (character === '"' || character === "'") {
    source.report(at, 'a string that does not end on its line')
    const line = text.indexOf('\n', at)
    // Stands for it, so that the statement around it is read as meant.
    push('string', at, '')
    return line < 0 ? text.length : line
  }
  if (/[-+;,:.=(){}[\]<>/]/u.test(character)) push('symbol', at, character)
  else source.report(at, `${JSON.stringify(character)} is not allowed here`)
  return at + character.length
}

function number(source: Source, at: number, raw: string, push: Push): number {
  const end = at + raw.length
  if (/[A-Za-z0-9_]/u.test(source.text[end] ?? '')) {
    source.report(at, 'expected space between a number and what follows it')
  }
  if (/^0[xX]/u.test(raw)) push('integer', at, raw, { integer: BigInt(raw) })
  else if (/[.eE]/u.test(raw)) push('float', at, raw)
  else if (/^0[0-7]+$/u.test(raw))
    push('integer', at, raw, { integer: BigInt(`0o${raw.slice(1)}`) })
  else {
    if (/^0[0-9]/u.test(raw)) source.report(at, `${raw} begins with 0 and is not octal`)
    // A longer one fits nowhere; the bound keeps the conversion cheap.
    push('integer', at, raw, { integer: BigInt(raw.slice(0, 40)) })
  }
  return end
}

function unescape(source: Source, literal: string, at: number): Buffer {
  const inner = literal.slice(1, -1)
  if (!inner.includes('\\')) return Buffer.from(inner)
  const parts: Buffer[] = []
  let last = 0
  for (const found of inner.matchAll(escape)) {
    parts.push(Buffer.from(inner.slice(last, found.index)))
    last = found.index + found[0].length
    const [, hex, octal, short, long, plain] = found
    const code = Number.parseInt(short ?? long ?? '0', 16)
    if (hex !== undefined) parts.push(Buffer.from([Number.parseInt(hex, 16)]))
    else if (octal !== undefined) parts.push(Buffer.from([Number.parseInt(octal, 8) & 0xff]))
    else if (plain !== undefined) parts.push(Buffer.from([plainEscapes[plain] as number]))
    else if (found[0].length > 1 && code <= 0x10_ffff) {
      parts.push(Buffer.from(String.fromCodePoint(code)))
    } else source.report(at + 1 + found.index, 'an escape sequence that does not exist')
  }
  parts.push(Buffer.from(inner.slice(last)))
  return Buffer.concat(parts)
}
