import path from 'node:path'
import { TidemillError } from '@tidemill/core'
import { readMetadata, readProtoset, type Schema } from '@tidemill/rpc/bench'
import type { Flags } from './command.ts'
import { cliErrors } from './errors.ts'
import { adviseOn } from './rpc-advice.ts'
import { readFlagFile } from './rpc-file.ts'
import { openChannel, type ServerConfig } from './rpc-target.ts'

/** Where the description of services comes from: a .proto file, else compiled descriptors, else the server. */
export interface SchemaConfig extends ServerConfig {
  readonly proto?: string | undefined
  readonly protoset?: string | undefined
  readonly 'import-paths'?: readonly string[] | undefined
  /** JSON text, or its value in a config file. */
  readonly 'reflect-metadata'?: unknown
}

/** The schema flags as a configuration; absent ones are left out. */
export function schemaConfig(flags: Flags): SchemaConfig {
  const proto = flags.string('proto')
  const protoset = flags.string('protoset')
  const metadata = flags.string('reflect-metadata')
  return {
    ...(proto === undefined ? {} : { proto }),
    ...(protoset === undefined ? {} : { protoset }),
    ...(metadata === undefined ? {} : { 'reflect-metadata': metadata }),
    'import-paths': splitPaths(flags.string('import-paths')),
  }
}

export function splitPaths(text: string | undefined): string[] {
  return (text ?? '').split(',').flatMap((one) => (one.trim() === '' ? [] : [one.trim()]))
}

/** The folders given, the one of the .proto file, and the current one. */
export function importPaths(config: SchemaConfig): string[] {
  const given = config['import-paths'] ?? []
  const own = config.proto === undefined ? [] : [path.dirname(config.proto), '.']
  return [...new Set([...given, ...own])]
}

/** Reads the schema. With `symbol`, a server need only be asked for what that one uses. */
export async function readSchema(config: SchemaConfig, symbol?: string): Promise<Schema> {
  if (config.proto !== undefined) {
    const { loadProto } = await import('@tidemill/rpc/proto')
    return loadProto({ files: [config.proto], importPaths: importPaths(config) })
  }
  if (config.protoset !== undefined)
    return readProtoset(await readFlagFile('protoset', config.protoset))
  if (config.host === undefined || config.host === '') {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: 'there is neither a server to ask nor a file to read',
      suggestion: 'Give HOST:PORT, --proto FILE or --protoset FILE.',
    })
  }
  return askServer(config, symbol)
}

async function askServer(config: SchemaConfig, symbol: string | undefined): Promise<Schema> {
  const { createReflectionClient } = await import('@tidemill/rpc/reflection')
  await using channel = await openChannel(config)
  const server = createReflectionClient(channel, {
    metadata: readMetadata(jsonText(config['reflect-metadata'])),
    deadline: '20s',
  })
  let services: string[]
  try {
    services = await server.listServices()
  } catch (error) {
    if (!TidemillError.is(error, 'TM_RPC_UNIMPLEMENTED')) throw adviseOn(error, config)
    throw cliErrors.error(
      'TM_CLI_USAGE',
      {
        what: `the server at ${config.host ?? ''} has no reflection to read the schema from`,
        suggestion: 'Give the schema with --proto FILE or --protoset FILE.',
      },
      { cause: error },
    )
  }
  if (symbol === undefined) return await server.registry(services)
  const name = symbol.replace(/^[./]/u, '')
  const service = services.find(
    (one) => name === one || name.startsWith(`${one}/`) || name.startsWith(`${one}.`),
  )
  if (service !== undefined) return await server.registry([service])
  try {
    return await server.registry([name])
  } catch (error) {
    // A name that it does not know: all that it has, so that what is near can be named.
    if (TidemillError.is(error) && error.code === 'TM_RPC_REFLECTION')
      return await server.registry(services)
    throw error
  }
}

/** A flag gives text, a config file a value. */
export function jsonText(value: unknown): string | undefined {
  return value === undefined || typeof value === 'string' ? value : JSON.stringify(value)
}
