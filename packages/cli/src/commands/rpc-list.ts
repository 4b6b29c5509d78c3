import { findService, type Schema, servicesOf } from '@tidemill/rpc/bench'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { readSchema, schemaConfig } from '../rpc-schema.ts'
import { serverConfig } from '../rpc-target.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags } = invocation
  const fromFile = flags.string('proto') !== undefined || flags.string('protoset') !== undefined
  // With a file the only word can be but the service.
  const [host, service] =
    fromFile && args['SERVICE'] === undefined
      ? [undefined, args['HOST']]
      : [args['HOST'], args['SERVICE']]
  const schema = await readSchema({ ...schemaConfig(flags), ...serverConfig(flags, host) }, service)
  if (service === undefined) listServices(invocation, schema)
  else {
    const { typeName, methods } = findService(schema, service)
    const rows = methods.map((method) => ({
      method: method.name,
      kind: method.methodKind,
      input: method.input.typeName,
      output: method.output.typeName,
    }))
    if (out.json) out.document('tidemill.rpc-methods.v1', { service: typeName, methods: rows })
    else for (const row of rows) out.line(`${typeName}/${row.method}`)
  }
  return exitCode.ok
}

function listServices({ out }: Invocation, schema: Schema): void {
  const services = servicesOf(schema).map((service) => ({
    service: service.typeName,
    methods: service.methods.map((method) => method.name),
  }))
  if (out.json) out.document('tidemill.rpc-services.v1', { services })
  else for (const { service } of services) out.line(service)
}
