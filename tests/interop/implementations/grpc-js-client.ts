import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import {
  Client,
  credentials,
  Metadata,
  type MetadataValue,
  type ServiceError,
  status,
  type StatusObject,
} from '@grpc/grpc-js'
import { CallFailed, type Caller, type CallOptions, type OpenCall, type Pairs } from '../caller.ts'
import { Inbox } from '../inbox.ts'
import type { Endpoint } from './endpoint.ts'

export function grpcJsCaller(endpoint: Endpoint): Caller {
  const { tls } = endpoint
  const client = new Client(
    `${endpoint.host}:${endpoint.port}`,
    tls === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(tls.ca)),
    tls === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName },
  )
  return {
    open: (method, options = {}) => open(client, method, options),
    close: () => {
      client.close()
      return Promise.resolve()
    },
  }
}

function values(metadata: Metadata, name: string): Pairs[number][1][] {
  return metadata.get(name).map((value: MetadataValue) => {
    return typeof value === 'string' ? value : new Uint8Array(value)
  })
}

/** Every kind as a stream of both: the four differ only in how many messages go which way. */
function open<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: DescMethod & { readonly input: I; readonly output: O },
  options: CallOptions,
): OpenCall<MessageInitShape<I>, MessageShape<O>> {
  const metadata = new Metadata()
  for (const [name, value] of options.metadata ?? []) {
    metadata.add(name, typeof value === 'string' ? value : Buffer.from(value))
  }
  const call = client.makeBidiStreamRequest(
    `/${method.parent.typeName}/${method.name}`,
    (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
    (bytes: Buffer) => fromBinary(method.output, bytes),
    metadata,
    options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs },
  )
  const inbox = new Inbox<MessageShape<O>>()
  const headers = Promise.withResolvers<Metadata>()
  const ending = Promise.withResolvers<StatusObject>()
  call.on('metadata', headers.resolve)
  call.on('data', (message: MessageShape<O>) => inbox.push(message))
  // The status comes also with an error; a reader is told by it alone.
  call.on('error', (error: ServiceError) => inbox.end(new CallFailed(error.code, error.details)))
  call.on('status', (given: StatusObject) => {
    ending.resolve(given)
    headers.resolve(new Metadata())
    if (given.code === status.OK) inbox.end()
    else inbox.end(new CallFailed(given.code, given.details))
  })
  return {
    send: (message) => {
      call.write(create(method.input, message))
      return Promise.resolve()
    },
    end: () => {
      call.end()
    },
    cancel: () => call.cancel(),
    receive: async () => {
      const message = await inbox.take()
      return message === undefined ? undefined : { message, compressed: undefined }
    },
    header: async (name) => values(await headers.promise, name),
    trailer: async (name) => values((await ending.promise).metadata, name),
  }
}
