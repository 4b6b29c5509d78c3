import type { DescriptorProto } from '@bufbuild/protobuf/wkt'
import type { ParsedFile, SymbolKind, Syntax } from './parsed-file.ts'
import { SyntaxProblem, type TokenReader } from './token-reader.ts'

/** A file while it is read. */
export interface ParseState {
  readonly reader: TokenReader
  readonly file: ParsedFile
  syntax: Syntax
  /** Reads the body of a group, which is a message: given, because messages read fields and fields read groups. */
  readonly groupBody: (full: string, proto: DescriptorProto, depth: number) => void
}

/** Reads one statement; after a problem in it, the next one. */
export function statement(state: ParseState, read: () => void): void {
  const from = state.reader.position
  try {
    read()
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error
    state.reader.recover(from)
  }
}

/** Reads `{ ... }`, statement by statement. */
export function block(state: ParseState, where: string, read: () => void): void {
  const { reader } = state
  reader.expect('{', where)
  while (!reader.at('}')) {
    if (reader.token.kind === 'end' || reader.source.hopeless) {
      reader.fail(`expected "}", found ${reader.found()}`)
    }
    if (!reader.take(';')) statement(state, read)
  }
  reader.advance()
}

export function declare(state: ParseState, name: string, kind: SymbolKind, at: number): void {
  state.file.declarations.push({ name, kind, at })
}

interface NumberRange {
  readonly start: number
  readonly end: number
}

/** Ranges of one message or enum: each is compared with those before it. */
const mostRanges = 4096

/** Notes a range that shares numbers with one before it; `last` is what of a range is its last number. */
export function reportOverlap(
  state: ParseState,
  before: readonly NumberRange[],
  range: NumberRange,
  at: number,
  last: (range: NumberRange) => number,
): void {
  if (before.length >= mostRanges) state.reader.fail(`there are more than ${mostRanges} ranges`, at)
  const other = before.find((one) => one.start <= last(range) && range.start <= last(one))
  if (other === undefined) return
  state.reader.source.report(at, `the range shares numbers with ${other.start} to ${last(other)}`)
}

/** Reads a reserved name: an identifier in editions, a string elsewhere. */
export function reservedName(state: ParseState, names: string[]): void {
  const { reader, syntax } = state
  const { at, kind } = reader.token
  const isString = kind === 'string'
  if (isString === (syntax === 'editions')) {
    const expected = isString ? 'an identifier in editions' : 'a string except in editions'
    reader.source.report(at, `a reserved name is ${expected}`)
  }
  const { text } = isString ? reader.string('a name') : reader.advance()
  if (names.length >= mostRanges) reader.fail(`there are more than ${mostRanges} names`, at)
  if (names.includes(text)) reader.source.report(at, `${text} is reserved twice`)
  names.push(text)
}
