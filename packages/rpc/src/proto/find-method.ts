import type { DescMethod, FileRegistry } from '@bufbuild/protobuf'
import { nearest } from '@tidemill/core'
import { protoErrors } from './errors.ts'

/**
 * The method called `pkg.Service/Method` or `pkg.Service.Method`; a leading `/` or `.` does not matter. Throws
 * TM_RPC_SYMBOL_UNKNOWN with names that are near it.
 */
export function findMethod(registry: FileRegistry, name: string): DescMethod {
  const plain = name.replace(/^[/.]/u, '')
  const cut = Math.max(plain.lastIndexOf('/'), plain.lastIndexOf('.'))
  const service = registry.getService(plain.slice(0, Math.max(cut, 0)))
  const method = service?.methods.find((at) => at.name === plain.slice(cut + 1))
  if (method !== undefined) return method
  const known: string[] = []
  for (const type of registry) {
    if (type.kind !== 'service') continue
    for (const at of type.methods) known.push(`${type.typeName}/${at.name}`)
  }
  throw protoErrors.error('TM_RPC_SYMBOL_UNKNOWN', {
    kind: 'method',
    name,
    suggestion: suggestion(plain.replace(/\.(?=[^./]*$)/u, '/'), known),
    known,
  })
}

function suggestion(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'There are no services here.'
  const near = nearest(name, known)
  if (near !== undefined) return `Did you mean ${near}?`
  const some = known.slice(0, 10).join(', ')
  return known.length > 10
    ? `There are ${some} and ${known.length - 10} more.`
    : `There are ${some}.`
}
