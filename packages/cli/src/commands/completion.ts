import type { Command, Flag, Invocation } from '../command.ts'
import { commandTable } from '../command-table.ts'
import { completionScript, shells } from '../completion.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { commonFlags } from '../parse.ts'

export async function execute({ args, out }: Invocation): Promise<number> {
  const shell = args['SHELL'] ?? ''
  const make = completionScript(shell)
  if (make === undefined) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: `there is no completion for the shell "${shell}"`,
      suggestion: `Use one of ${shells.join(', ')}.`,
    })
  }
  const text = make(commandTable, (command: Command): readonly Flag[] => [
    ...(command.flags ?? []),
    ...commonFlags,
  ])
  if (out.json) out.document('tidemill.completion.v1', { shell, script: text })
  else out.line(text)
  return exitCode.ok
}
