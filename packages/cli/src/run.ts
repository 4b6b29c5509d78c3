import { commandTable } from './command-table.ts'
import { exitCode, exitCodeOf } from './exit-code.ts'
import { commandHelp, overviewHelp } from './help.ts'
import { createOutput, type Output } from './output.ts'
import { findCommand, parseWords, unknownCommand } from './parse.ts'
import { reportError } from './report.ts'
import { version } from './version.ts'

/** The process as a command sees it; tests pass their own. */
export interface RunEnvironment {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

/** Runs the command line and resolves with the exit code; never throws and never exits. */
export async function run(argv: readonly string[], environment: RunEnvironment): Promise<number> {
  const has = (flag: string): boolean => argv.includes(flag)
  const out = createOutput({
    ...environment,
    json: has('--json'),
    quiet: has('-q') || has('--quiet'),
    color: has('--no-color') ? false : undefined,
  })
  try {
    return await dispatch(argv, environment, out)
  } catch (error) {
    if (environment.signal.aborted && error === environment.signal.reason)
      return exitCode.interrupted
    out.status('')
    reportError(error, out, has('-v') || has('--verbose'))
    return exitCodeOf(error)
  }
}

async function dispatch(
  argv: readonly string[],
  environment: RunEnvironment,
  out: Output,
): Promise<number> {
  const first = argv[0]
  if (first === '--version' || first === '-V' || first === 'version') {
    if (out.json) out.document('tidemill.version.v1', { version, node: process.versions.node })
    else out.line(`tidemill ${version}`)
    return exitCode.ok
  }
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    return help(
      argv.slice(1).filter((word) => !word.startsWith('-')),
      out,
    )
  }
  const found = findCommand(commandTable, argv)
  if (found === undefined) throw unknownCommand(commandTable, argv)
  const parsed = parseWords(found.command, found.rest, environment.env)
  if (parsed.flags.boolean('help')) {
    out.line(commandHelp(found.command, out))
    return exitCode.ok
  }
  const { execute } = await found.command.load()
  return execute({ ...parsed, out, signal: environment.signal })
}

function help(words: readonly string[], out: Output): number {
  if (words.length === 0) {
    out.line(overviewHelp(commandTable, out))
    return exitCode.ok
  }
  const found = findCommand(commandTable, words)
  if (found === undefined) throw unknownCommand(commandTable, words)
  out.line(commandHelp(found.command, out))
  return exitCode.ok
}
