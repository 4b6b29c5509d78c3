import type { Output } from './output.ts'

/** A flag as the table declares it; help, completion and docs come from the same row. */
export interface Flag {
  readonly name: string
  readonly short?: string
  readonly type: 'boolean' | 'string' | 'number'
  /** How the value is called in help, for example `DIR`. */
  readonly value?: string
  readonly summary: string
  readonly choices?: readonly string[]
  readonly default?: string | number
  /** Environment variable that stands in when the flag is not given. */
  readonly env?: string
  /** May be given several times; only of type string. */
  readonly repeat?: boolean
}

export interface Argument {
  readonly name: string
  readonly summary: string
  readonly required: boolean
  /** Takes all the words that are left. */
  readonly rest?: boolean
}

export interface Example {
  readonly run: string
  readonly what: string
}

/** What a command's code is given. */
export interface Invocation {
  readonly args: Readonly<Record<string, string | undefined>>
  /** The words of a `rest` argument. */
  readonly rest: readonly string[]
  readonly flags: Flags
  readonly out: Output
  readonly signal: AbortSignal
}

/** Typed access to parsed flags; a flag that the table does not declare is a programming error. */
export interface Flags {
  boolean(name: string): boolean
  string(name: string): string | undefined
  number(name: string): number | undefined
  /** Every value of a flag that may be given several times, in order. */
  strings(name: string): readonly string[]
  /** Where the value came from, for `--help` and diagnostics. */
  origin(name: string): 'flag' | 'env' | 'default' | 'none'
}

/** A command's module: resolves with the exit code; errors are reported by the caller. */
export interface CommandModule {
  readonly execute: (invocation: Invocation) => Promise<number>
}

export interface Command {
  /** The words that name it, for example `['order', 'show']`. */
  readonly path: readonly string[]
  readonly group: 'run' | 'look' | 'data' | 'gateway' | 'rpc' | 'help'
  readonly summary: string
  readonly details?: string
  readonly args?: readonly Argument[]
  readonly flags?: readonly Flag[]
  readonly examples: readonly Example[]
  readonly load: () => Promise<CommandModule>
}
