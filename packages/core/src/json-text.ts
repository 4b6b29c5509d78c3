import { isUtf8 } from 'node:buffer'
import { coreErrors } from './errors.ts'
import { jsonSyntaxError, locateJsonProblem } from './internal/json-scanner.ts'

export interface ParseJsonOptions {
  /** Most bytes of UTF-8; default 1 MiB. */
  readonly maxBytes?: number
  /** Deepest nesting of arrays and objects; default 64. */
  readonly maxDepth?: number
  /** Refuse an object that names a key twice, where JSON.parse takes the last. Costs a second pass. */
  readonly uniqueKeys?: boolean
}

/**
 * The value of a JSON text (RFC 8259). Throws TM_CORE_JSON_TOO_LARGE, or TM_CORE_JSON_SYNTAX with line
 * and column (from 1, the column in UTF-16 units) for what is malformed, nested too deep, not UTF-8, or
 * has a key `__proto__`, which no honest sender needs. A good text costs little more than JSON.parse.
 */
export function parseJson(text: string | Uint8Array, options: ParseJsonOptions = {}): unknown {
  const { maxBytes = 1 << 20, maxDepth = 64, uniqueKeys = false } = options
  const bytes = typeof text === 'string' ? Buffer.byteLength(text) : text.length
  if (bytes > maxBytes) throw coreErrors.error('TM_CORE_JSON_TOO_LARGE', { bytes, limit: maxBytes })
  const source = typeof text === 'string' ? text : decode(text)
  const suspicious =
    uniqueKeys || /__proto__|\\u005f/iu.test(source) || nestedDeeper(source, maxDepth)
  if (suspicious) locateJsonProblem(source, { maxDepth, uniqueKeys })
  try {
    return JSON.parse(source)
  } catch (error) {
    locateJsonProblem(source, { maxDepth, uniqueKeys })
    throw error
  }
}

function decode(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes)
  // The replacement character may also stand in the text itself, so only its presence asks the question.
  const damaged = text.indexOf('\ufffd')
  if (damaged >= 0 && !isUtf8(bytes)) {
    throw jsonSyntaxError(text, damaged, 'the bytes are not UTF-8')
  }
  return text
}

/** True when brackets outside strings nest deeper; a malformed text may give either answer. */
function nestedDeeper(text: string, maxDepth: number): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === 0x22) {
      i = endOfString(text, i)
    } else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > maxDepth) return true
    } else if (unit === 0x5d || unit === 0x7d) depth--
  }
  return false
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++
    if (slashes % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return text.length
}
