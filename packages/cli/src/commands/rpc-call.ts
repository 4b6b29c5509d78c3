import { text } from 'node:stream/consumers'
import {
  emptyMessage,
  findMethod,
  messageJson,
  parseGoDuration,
  readMessages,
  readMetadata,
  takesStream,
} from '@tidemill/rpc/bench'
import type { Metadata } from '@tidemill/rpc'
import type { Invocation } from '../command.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { adviseOn } from '../rpc-advice.ts'
import { readSchema, schemaConfig } from '../rpc-schema.ts'
import { openChannel, serverConfig } from '../rpc-target.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags, signal } = invocation
  const config = { ...schemaConfig(flags), ...serverConfig(flags, args['HOST']) }
  const name = args['METHOD'] ?? ''
  const timeoutMs = readTimeout(flags.string('timeout') ?? '20s')
  const schema = await readSchema(config, name)
  const method = findMethod(schema, name)
  const data = flags.string('data')
  const source = data === '@' ? await text(process.stdin) : (data ?? '')
  const given = readMessages(method.input, source, schema)
  const requests = given.length === 0 && !takesStream(method) ? [emptyMessage(method.input)] : given
  if (requests.length > 1 && !takesStream(method)) {
    throw cliErrors.error('TM_CLI_USAGE', {
      what: `${method.name} takes one message, not ${requests.length}`,
      suggestion: 'Give one JSON object with -d.',
    })
  }
  const verbose = flags.boolean('verbose')
  const show = (title: string, metadata: Metadata): void => {
    if (!verbose) return
    const rows = Array.from(metadata, ([key, value]) => `  ${key}: ${metadataText(value)}`)
    out.note([`${title}:`, ...(rows.length === 0 ? ['  (none)'] : rows)].join('\n'))
  }
  await using channel = await openChannel(config)
  const call = channel.open(method, {
    metadata: readMetadata(flags.string('metadata')),
    ...(timeoutMs === 0 ? {} : { deadline: timeoutMs }),
    signal,
    onHeader: (headers) => show('headers', headers),
    onTrailer: (trailers) => show('trailers', trailers),
  })
  // A failure shows in receive, with the status: sending need not be waited for.
  const sending = send(call, requests)
  for (;;) {
    const message = await call.receive().catch((error: unknown) => {
      throw adviseOn(error, config)
    })
    if (message === undefined) break
    const json = messageJson(method.output, message, schema, flags.boolean('emit-defaults'))
    out.record('tidemill.rpc-message.v1', json, JSON.stringify(json, undefined, 2))
  }
  await sending
  return exitCode.ok
}

function readTimeout(given: string): number {
  const ms = parseGoDuration(given)
  if (ms !== undefined) return ms
  throw cliErrors.error('TM_CLI_USAGE', {
    what: `--timeout takes a duration such as 10s, not "${given}"`,
    suggestion: 'Write for example -t 500ms; 0 is for none.',
  })
}

interface Sender<In> {
  send(message: In): Promise<void>
  end(): void
}

async function send<In>(call: Sender<In>, requests: readonly In[]): Promise<void> {
  try {
    for (const request of requests) await call.send(request)
    call.end()
  } catch {
    // The status that ended the call is thrown by receive.
  }
}

function metadataText(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('base64')
}
