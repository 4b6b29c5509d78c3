import { nearest, type TidemillError } from '@tidemill/core'
import type { Command, Flag, Flags } from './command.ts'
import { cliErrors } from './errors.ts'

/** Flags that every command takes. */
export const commonFlags: readonly Flag[] = [
  { name: 'json', type: 'boolean', summary: 'one JSON document on stdout (NDJSON for streams)' },
  { name: 'help', short: 'h', type: 'boolean', summary: 'how to use the command' },
  { name: 'verbose', short: 'v', type: 'boolean', summary: 'stack traces and causes of errors' },
  { name: 'quiet', short: 'q', type: 'boolean', summary: 'no progress and no notes' },
  { name: 'no-color', type: 'boolean', summary: 'plain text, as NO_COLOR does' },
]

export interface Parsed {
  readonly args: Readonly<Record<string, string | undefined>>
  readonly rest: readonly string[]
  readonly flags: Flags
}

type Given = string | number | boolean | readonly string[]

/** Finds the command that the longest run of leading words names. */
export function findCommand(
  table: readonly Command[],
  words: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } | undefined {
  let found: Command | undefined
  for (const command of table) {
    const matches = command.path.every((word, i) => words[i] === word)
    if (matches && command.path.length > (found?.path.length ?? 0)) found = command
  }
  return found === undefined ? undefined : { command: found, rest: words.slice(found.path.length) }
}

/** The error for words that name no command, with the nearest that do. */
export function unknownCommand(table: readonly Command[], words: readonly string[]): TidemillError {
  const word = words
    .filter((part) => !part.startsWith('-'))
    .slice(0, 2)
    .join(' ')
  const first = words[0] ?? ''
  const verbs = table.filter((command) => command.path.length > 1 && command.path[0] === first)
  const names = table.map((command) => command.path.join(' '))
  const near = nearest(word, names) ?? nearest(first, names)
  const suggestion =
    verbs.length > 0
      ? `\`tidemill ${first}\` takes a verb: ${verbs.map((command) => command.path[1]).join(', ')}.`
      : near === undefined
        ? 'Run `tidemill help` for all commands.'
        : `Did you mean \`tidemill ${near}\`?`
  return cliErrors.error('TM_CLI_COMMAND_UNKNOWN', { command: word, suggestion })
}

/** Reads the words after a command's name; throws TM_CLI_USAGE at the first that does not fit. */
export function parseWords(
  command: Command,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Parsed {
  const specs = [...(command.flags ?? []), ...commonFlags]
  const given = new Map<string, Given>()
  const loose: string[] = []
  const queue = [...words]
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') loose.push(...queue.splice(0))
    else if (/^-[^-\d]|^--./u.test(word)) readFlag(command, specs, word, queue, given)
    else loose.push(word)
  }
  const { args, rest } = readArguments(command, loose, given.get('help') === true)
  return { args, rest, flags: createFlags(command, specs, given, env) }
}

function usage(command: Command, what: string, suggestion?: string): TidemillError {
  const help = `Run \`tidemill help ${command.path.join(' ')}\`.`
  return cliErrors.error('TM_CLI_USAGE', { what, suggestion: suggestion ?? help })
}

function readFlag(
  command: Command,
  specs: readonly Flag[],
  word: string,
  queue: string[],
  given: Map<string, Given>,
): void {
  const cut = word.indexOf('=')
  const name = cut < 0 ? word : word.slice(0, cut)
  const spec = specs.find((flag) => name === `--${flag.name}` || name === `-${flag.short ?? ' '}`)
  if (spec === undefined) {
    const near = nearest(
      name,
      specs.map((flag) => `--${flag.name}`),
    )
    throw usage(
      command,
      `\`${command.path.join(' ')}\` has no flag ${name}`,
      near === undefined ? undefined : `Did you mean ${near}?`,
    )
  }
  if (spec.type === 'boolean') {
    const text = cut < 0 ? 'true' : word.slice(cut + 1)
    if (text !== 'true' && text !== 'false') throw usage(command, `${name} takes true or false`)
    given.set(spec.name, text === 'true')
    return
  }
  const text = cut < 0 ? queue.shift() : word.slice(cut + 1)
  if (text === undefined) throw usage(command, `${name} needs a value (${spec.value ?? 'VALUE'})`)
  const value = checkValue(command, spec, text)
  const before = given.get(spec.name)
  if (spec.repeat !== true) given.set(spec.name, value)
  else given.set(spec.name, [...(Array.isArray(before) ? before : []), String(value)])
}

function checkValue(command: Command, spec: Flag, text: string): string | number {
  if (spec.choices !== undefined && !spec.choices.includes(text)) {
    throw usage(command, `--${spec.name} takes one of ${spec.choices.join(', ')}, not "${text}"`)
  }
  if (spec.type === 'string') return text
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number) || number < 0) {
    throw usage(command, `--${spec.name} takes a number of at least 0, not "${text}"`)
  }
  return number
}

function readArguments(
  command: Command,
  loose: readonly string[],
  lenient: boolean,
): { readonly args: Record<string, string | undefined>; readonly rest: readonly string[] } {
  const args: Record<string, string | undefined> = {}
  const specs = command.args ?? []
  let used = 0
  let rest: readonly string[] = []
  for (const spec of specs) {
    if (spec.rest === true) {
      rest = loose.slice(used)
      used = loose.length
      args[spec.name] = rest[0]
    } else if (used < loose.length) args[spec.name] = loose[used++]
    if (spec.required && args[spec.name] === undefined && !lenient) {
      throw usage(command, `\`${command.path.join(' ')}\` needs ${spec.name}: ${spec.summary}`)
    }
  }
  if (used < loose.length) {
    throw usage(command, `\`${command.path.join(' ')}\` does not take "${loose[used] ?? ''}"`)
  }
  return { args, rest }
}

function createFlags(
  command: Command,
  specs: readonly Flag[],
  given: ReadonlyMap<string, Given>,
  env: NodeJS.ProcessEnv,
): Flags {
  const specOf = (name: string): Flag => {
    const spec = specs.find((flag) => flag.name === name)
    if (spec === undefined)
      throw new TypeError(`flag --${name} is not in the table of ${command.path.join(' ')}`)
    return spec
  }
  const fromEnv = (spec: Flag): string | undefined =>
    spec.env === undefined || env[spec.env] === '' ? undefined : env[spec.env]
  const value = (name: string): Given | undefined => {
    const spec = specOf(name)
    const flag = given.get(name)
    if (flag !== undefined) return flag
    const text = fromEnv(spec)
    return text === undefined ? spec.default : checkValue(command, spec, text)
  }
  return {
    boolean: (name) => value(name) === true,
    string: (name) => {
      const found = value(name)
      return found === undefined ? undefined : String(found)
    },
    number: (name) => {
      const found = value(name)
      return found === undefined ? undefined : Number(found)
    },
    strings(name) {
      const found = value(name)
      return found === undefined ? [] : Array.isArray(found) ? found : [String(found)]
    },
    origin(name) {
      const spec = specOf(name)
      if (given.has(name)) return 'flag'
      if (fromEnv(spec) !== undefined) return 'env'
      return spec.default === undefined ? 'none' : 'default'
    },
  }
}
