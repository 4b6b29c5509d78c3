import type { Random } from '@tidemill/core'
import { hostname } from 'node:os'

interface Choice {
  readonly clientLanguage?: readonly string[]
  readonly clientHostname?: readonly string[]
  readonly percentage?: number
  readonly serviceConfig: unknown
}

const prefix = 'grpc_config='
const languages: ReadonlySet<string> = new Set(['node', 'javascript', 'typescript'])

/**
 * The service config that TXT records of `_grpc_config.NAME` choose for this client (gRFC A2): the first whose
 * language, host name and percentage fit; undefined when none does. Throws on a record that is not of the form.
 */
export function chooseServiceConfig(
  records: readonly (readonly string[])[],
  random: Random,
  host: string = hostname(),
): unknown {
  for (const record of records) {
    const text = record.join('')
    if (!text.startsWith(prefix)) continue
    const choices = JSON.parse(text.slice(prefix.length)) as readonly Choice[]
    if (!Array.isArray(choices)) throw new Error('the service config record is not a list')
    for (const choice of choices as readonly Choice[]) {
      if (fits(choice, random, host)) return choice.serviceConfig
    }
  }
  return undefined
}

function fits(choice: Choice, random: Random, host: string): boolean {
  const { clientLanguage, clientHostname, percentage } = choice
  if (
    clientLanguage !== undefined &&
    !clientLanguage.some((name) => languages.has(name.toLowerCase()))
  ) {
    return false
  }
  if (clientHostname !== undefined && !clientHostname.includes(host)) return false
  return percentage === undefined || random.integer(100) < percentage
}
