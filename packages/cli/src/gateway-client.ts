import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { type AdminClient, createAdminClient } from './admin-client.ts'
import type { Flags, Invocation } from './command.ts'
import { cliErrors } from './errors.ts'

/** Where the admin API of a gateway is reached when no flag says so. */
export const adminDefault = '127.0.0.1:9180'

/** The client for the gateway that `--admin` names, with the token of `--token-file` or TIDEMILL_GATEWAY_TOKEN. */
export async function gatewayClient({ flags, signal }: Invocation): Promise<AdminClient> {
  const place = flags.string('admin') ?? adminDefault
  const url = place.includes('://') ? place : `http://${place}`
  const token = await readToken(flags)
  if (token === undefined) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: 'the admin API needs its token',
      suggestion:
        'Give it with --token-file FILE or in TIDEMILL_GATEWAY_TOKEN; `gateway run` prints it.',
    })
  }
  return createAdminClient(url, signal, {
    token,
    unreachable: (base, cause) =>
      cliErrors.error('TM_CLI_GATEWAY_UNREACHABLE', { url: base }, { cause }),
  })
}

/** The token that was given; undefined for none. */
async function readToken(flags: Flags): Promise<string | undefined> {
  const file = flags.string('token-file')
  if (file === undefined) return flags.string('token')
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    throw tokenFileError(file, error)
  }
}

/** The token for a gateway that starts: that of the file, or a new one that is written there for its owner alone. */
export async function tokenToServe(flags: Flags): Promise<string | undefined> {
  const file = flags.string('token-file')
  if (file === undefined) return readToken(flags)
  try {
    const token = (await readFile(file, 'utf8')).trim()
    if (token.length >= 16 && !/\s/u.test(token)) return token
    throw cliErrors.error('TM_CLI_USAGE', {
      what: `the token in ${file} is shorter than 16 characters or has spaces`,
      suggestion: 'Put a long random one there, or remove the file: a new one is written.',
    })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw (error as NodeJS.ErrnoException).syscall === undefined
        ? error
        : tokenFileError(file, error)
    }
  }
  const token = randomBytes(32).toString('base64url')
  try {
    await writeFile(file, `${token}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw tokenFileError(file, error)
  }
  return token
}

function tokenFileError(file: string, error: unknown): Error {
  return cliErrors.error('TM_CLI_USAGE', {
    what: `the token file ${file} cannot be used: ${(error as Error).message}`,
    suggestion: 'Name the file that `gateway run --token-file FILE` was given.',
  })
}
