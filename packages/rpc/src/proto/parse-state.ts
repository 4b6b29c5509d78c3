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
