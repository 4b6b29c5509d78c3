import { readFile } from 'node:fs/promises'
import { cliErrors } from './errors.ts'

/** Reads a file that a flag names; one that cannot be read is a mistake of usage. */
export async function readFlagFile(flag: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    throw cliErrors.error(
      'TM_CLI_USAGE',
      {
        what: `--${flag}: cannot read "${file}"`,
        suggestion: 'Check the path: it starts at the current folder.',
      },
      { cause },
    )
  }
}

/** The same as text. */
export async function readFlagText(flag: string, file: string): Promise<string> {
  return (await readFlagFile(flag, file)).toString('utf8')
}
