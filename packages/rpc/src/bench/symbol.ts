import {
  type DescEnum,
  type DescMessage,
  type DescMethod,
  type DescService,
  type FileRegistry,
  fromBinary,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { nearest, type TidemillError } from '@tidemill/core'
import { protoErrors } from '../proto/errors.ts'
import { registryOf } from '../proto/registry-of.ts'
import { refuseProblems } from './bench-config.ts'

/** Descriptions of services and messages, wherever they come from. */
export type Schema = FileRegistry

/** What a full name can stand for. */
export type SchemaSymbol = DescService | DescMethod | DescMessage | DescEnum

/** Reads compiled descriptors (a FileDescriptorSet); throws TM_RPC_BENCH_OPTIONS for bytes that are none. */
export function readProtoset(bytes: Uint8Array): Schema {
  try {
    return registryOf(fromBinary(FileDescriptorSetSchema, bytes).file)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    refuseProblems([{ path: '--protoset', message: `holds no complete descriptors: ${reason}` }])
    throw error
  }
}

/** The services of a schema in order of name. */
export function servicesOf(schema: Schema): DescService[] {
  const services = [...schema].filter((one) => one.kind === 'service')
  return services.toSorted((a, b) => (a.typeName < b.typeName ? -1 : 1))
}

/** The service of that name; throws TM_RPC_SYMBOL_UNKNOWN with the nearest. */
export function findService(schema: Schema, name: string): DescService {
  const found = schema.getService(name.replace(/^\./u, ''))
  if (found !== undefined) return found
  throw unknown(
    'service',
    name,
    servicesOf(schema).map((service) => service.typeName),
  )
}

/** The service, method, message or enum of that full name; throws TM_RPC_SYMBOL_UNKNOWN. */
export function findSymbol(schema: Schema, text: string): SchemaSymbol {
  const name = text.replace(/^[./]/u, '').replace('/', '.')
  const found = schema.getService(name) ?? schema.getMessage(name) ?? schema.getEnum(name)
  if (found !== undefined) return found
  const methods = servicesOf(schema).flatMap((service) => service.methods)
  const method = methods.find((one) => methodName(one) === name)
  if (method !== undefined) return method
  const types = [...schema].flatMap((one) => (one.kind === 'extension' ? [] : [one.typeName]))
  throw unknown('symbol', text, [...methods.map(methodName), ...types])
}

/** `package.Service.Method`. */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`
}

function unknown(kind: string, text: string, names: readonly string[]): TidemillError {
  const name = text.replace('/', '.')
  const last = name.slice(name.lastIndexOf('.') + 1)
  const shortNames = names.map((one) => one.slice(one.lastIndexOf('.') + 1))
  // A wrong package must not hide that the last part is there, or nearly.
  const near = nearest(name, names) ?? names[shortNames.indexOf(nearest(last, shortNames) ?? '')]
  const some = names.filter((one) => !one.startsWith('google.protobuf.')).slice(0, 8)
  const suggestion =
    near !== undefined
      ? `Did you mean ${near}?`
      : some.length === 0
        ? 'The schema has none.'
        : `There are ${some.join(', ')}${names.length > some.length ? ' and others; `tidemill rpc list` prints them' : ''}.`
  return protoErrors.error('TM_RPC_SYMBOL_UNKNOWN', { kind, name: text, suggestion })
}
