import {
  type BenchConfig,
  type ConfigKind,
  configKeys,
  type OptionProblem,
  refuseProblems,
} from './bench-config.ts'

/** Reads a config file of ghz's form: JSON, or TOML's plain lines (`name = value`, and tables for data and metadata). */
export function readConfig(text: string, file: string): BenchConfig {
  const json: unknown = file.endsWith('.toml') ? readToml(text) : readJson(text, file)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    refuseProblems([{ path: file, message: 'must hold an object' }])
  }
  const problems: OptionProblem[] = []
  for (const [key, value] of Object.entries(json as object)) {
    const kind = Object.hasOwn(configKeys, key) ? configKeys[key as keyof BenchConfig] : undefined
    if (kind === undefined) problems.push({ path: key, message: 'is not an option' })
    else if (!fits(kind, value)) problems.push({ path: key, message: `must be a ${kind}` })
  }
  refuseProblems(problems)
  return json as BenchConfig
}

function fits(kind: ConfigKind, value: unknown): boolean {
  if (kind === 'json') return true
  if (kind === 'list') return Array.isArray(value) && value.every((one) => typeof one === 'string')
  return typeof value === kind
}

function readJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    refuseProblems([{ path: file, message: `is not JSON: ${(cause as Error).message}` }])
    return undefined
  }
}

/** The lines that ghz's examples use: comments, `key = value` with JSON-like values, `[table]`. */
function readToml(text: string): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  let table = root
  const problems: OptionProblem[] = []
  for (const [i, raw] of text.split(/\r?\n/u).entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const head = /^\[([\w.-]+)\]$/u.exec(line)
    if (head !== null) {
      table = root
      for (const part of (head[1] ?? '').split('.'))
        table = (table[part] ??= {}) as Record<string, unknown>
      continue
    }
    const pair = /^("[^"]*"|[\w-]+)\s*=\s*(.+)$/u.exec(line)
    const value = pair === null ? undefined : tomlValue(pair[2] ?? '')
    if (pair === null || value === undefined) {
      problems.push({ path: `line ${i + 1}`, message: 'is not a name and a value' })
    } else table[(pair[1] ?? '').replaceAll('"', '')] = value
  }
  refuseProblems(problems)
  return root
}

function tomlValue(text: string): unknown {
  const literal = /^'([^']*)'\s*(?:#.*)?$/u.exec(text)
  if (literal !== null) return literal[1]
  // Strings, numbers, booleans and one-line lists read as JSON once a comment behind them and a last comma are gone.
  const plain = text.replace(/^((?:"(?:[^"\\]|\\.)*"|[^"#])*)#.*$/u, '$1').trim()
  try {
    return JSON.parse(plain.replace(/,\s*\]$/u, ']').replaceAll(/(?<=\d)_(?=\d)/gu, '')) as unknown
  } catch {
    return undefined
  }
}
