import type { TidemillError } from '../error.ts'
import { coreErrors } from '../errors.ts'

export interface ScanOptions {
  readonly maxDepth: number
  readonly uniqueKeys: boolean
}

/** The coded error for the text at that offset; line and column count from 1. */
export function jsonSyntaxError(
  text: string,
  offset: number,
  reason: string,
  path = '',
): TidemillError {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  const column = offset - before.lastIndexOf('\n')
  const problems = [{ path, message: reason, line, column }]
  return coreErrors.error('TM_CORE_JSON_SYNTAX', { line, column, reason, problems })
}

const primitive = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/uy
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/uy
const plain = /[ !#-[\]-\u{10ffff}]+/uy
const space = /[ \t\n\r]*/uy

/** Reads a JSON text with positions and throws TM_CORE_JSON_SYNTAX at the first thing that is wrong. */
export function locateJsonProblem(text: string, options: ScanOptions): void {
  const path: string[] = []
  let at = 0

  const fail = (reason: string, offset = at): never => {
    throw jsonSyntaxError(text, offset, reason, path.map((key) => `/${key}`).join(''))
  }
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    if (!pattern.test(text)) return false
    at = pattern.lastIndex
    return true
  }
  const seen = (): string => {
    const char = text.codePointAt(at)
    return char === undefined ? 'the end of the text' : JSON.stringify(String.fromCodePoint(char))
  }
  const readString = (): string => {
    const start = at
    at++
    for (;;) {
      take(plain)
      if (text[at] === '"') break
      if (at >= text.length) fail('this string has no closing quote', start)
      if (text[at] !== '\\') fail('a control character must be escaped inside a string')
      if (!take(escape)) fail('not an escape that JSON knows')
    }
    at++
    return JSON.parse(text.slice(start, at)) as string
  }
  const readKey = (keys: Set<string>): void => {
    const start = at
    if (text[at] !== '"') fail(`expected a key in double quotes, found ${seen()}`)
    const key = readString()
    path.push(key.slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1'))
    if (key === '__proto__') fail('the key "__proto__" is not accepted', start)
    if (options.uniqueKeys && keys.has(key)) fail('this key was given before', start)
    keys.add(key)
    take(space)
    if (text[at] !== ':') fail(`expected ":" after the key, found ${seen()}`)
    at++
  }
  const readMembers = (close: string, readMember: (index: number) => void): void => {
    if (path.length >= options.maxDepth) fail(`nested deeper than ${options.maxDepth}`)
    at++
    take(space)
    if (text[at] === close) {
      at++
      return
    }
    for (let index = 0; ; index++) {
      take(space)
      readMember(index)
      path.pop()
      take(space)
      const next = text[at]
      if (next !== ',' && next !== close) fail(`expected "," or "${close}", found ${seen()}`)
      at++
      if (next === close) return
    }
  }
  const readValue = (): void => {
    take(space)
    if (text[at] === '{') {
      const keys = new Set<string>()
      readMembers('}', () => {
        readKey(keys)
        readValue()
      })
    } else if (text[at] === '[') {
      readMembers(']', (index) => {
        path.push(String(index))
        readValue()
      })
    } else if (text[at] === '"') readString()
    else if (!take(primitive)) fail(`expected a value, found ${seen()}`)
  }

  readValue()
  take(space)
  if (at < text.length) fail(`expected the end of the text, found ${seen()}`)
}
