import { findSymbol, methodName, namedTypes, protoText } from '@tidemill/rpc/bench'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { readSchema, schemaConfig } from '../rpc-schema.ts'
import { serverConfig } from '../rpc-target.ts'

export async function execute({ out, args, flags }: Invocation): Promise<number> {
  const { name, host } = inOrder(args['SYMBOL'] ?? '', args['HOST'])
  const config = { ...schemaConfig(flags), ...serverConfig(flags, host) }
  const symbol = findSymbol(await readSchema(config, name), name)
  const fullName = symbol.kind === 'rpc' ? methodName(symbol) : symbol.typeName
  const proto = protoText(symbol)
  const uses = namedTypes(symbol).map((type) => type.typeName)
  if (out.json) {
    out.document('tidemill.rpc-symbol.v1', { name: fullName, kind: symbol.kind, proto, uses })
  } else {
    out.line(out.style('dim', `// ${fullName}`))
    for (const line of proto.split('\n')) out.line(line)
  }
  return exitCode.ok
}

/** The host may come first, as it does in the other commands: it has a colon, which no symbol has. */
function inOrder(
  first: string,
  second: string | undefined,
): { readonly name: string; readonly host: string | undefined } {
  const swapped = second !== undefined && first.includes(':') && !second.includes(':')
  return swapped ? { name: second, host: first } : { name: first, host: second }
}
