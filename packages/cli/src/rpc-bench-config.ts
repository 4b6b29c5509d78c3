import { buffer, text } from 'node:stream/consumers'
import { type BenchConfig, configKeys, readConfig } from '@tidemill/rpc/bench'
import type { Flags } from './command.ts'
import { cliErrors } from './errors.ts'
import { readFlagFile, readFlagText } from './rpc-file.ts'
import { jsonText, splitPaths } from './rpc-schema.ts'

/** The options of a load test: those of the config file, if one is named, and over them the flags that were given. */
export async function readBenchConfig(
  flags: Flags,
  host: string | undefined,
): Promise<BenchConfig> {
  const file = flags.string('config')
  const fromFile = file === undefined ? {} : readConfig(await readFlagText('config', file), file)
  const given: Record<string, unknown> = {}
  for (const [key, kind] of Object.entries(configKeys)) {
    if (key === 'host' || flags.origin(key) !== 'flag') continue
    if (kind === 'boolean') given[key] = flags.boolean(key)
    else if (kind === 'number') given[key] = Number(flags.string(key))
    else given[key] = kind === 'list' ? splitPaths(flags.string(key)) : flags.string(key)
  }
  return { ...fromFile, ...given, ...(host === undefined ? {} : { host }) }
}

/** What the calls carry. */
export interface BenchTexts {
  readonly data: string | undefined
  readonly binary: Uint8Array | undefined
  readonly metadata: string | undefined
  readonly tags: Readonly<Record<string, string>> | undefined
}

/** Reads the texts that the options name, from flags, files or standard input. */
export async function readBenchTexts(
  config: BenchConfig,
  stdin: NodeJS.ReadableStream,
): Promise<BenchTexts> {
  return {
    data: await readData(config, stdin),
    binary: await readBinary(config, stdin),
    metadata:
      config['metadata-file'] === undefined
        ? jsonText(config.metadata)
        : await readFlagText('metadata-file', config['metadata-file']),
    tags: readTags(config.tags),
  }
}

async function readData(
  config: BenchConfig,
  stdin: NodeJS.ReadableStream,
): Promise<string | undefined> {
  if (config['data-file'] !== undefined) return readFlagText('data-file', config['data-file'])
  return config.data === '@' ? text(stdin) : jsonText(config.data)
}

async function readBinary(
  config: BenchConfig,
  stdin: NodeJS.ReadableStream,
): Promise<Uint8Array | undefined> {
  if (config['binary-file'] !== undefined) return readFlagFile('binary-file', config['binary-file'])
  return config.binary === true ? buffer(stdin) : undefined
}

function readTags(value: unknown): Readonly<Record<string, string>> | undefined {
  const source = jsonText(value)
  if (source === undefined || source.trim() === '') return undefined
  let tags: unknown
  try {
    tags = JSON.parse(source)
  } catch {
    tags = undefined
  }
  const fits =
    typeof tags === 'object' &&
    tags !== null &&
    !Array.isArray(tags) &&
    Object.values(tags).every((one) => typeof one === 'string')
  if (fits) return tags as Record<string, string>
  throw cliErrors.error('TM_CLI_USAGE', {
    what: '--tags takes a JSON object of strings',
    suggestion: `Write for example --tags '{"env":"staging"}'.`,
  })
}
