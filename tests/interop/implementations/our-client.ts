import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import {
  type Call,
  type CallOptions as OurOptions,
  type Channel,
  createChannel,
  isRpcError,
  Metadata,
} from '@tidemill/rpc'
import { CallFailed, type Caller, type CallOptions, type OpenCall, type Pairs } from '../caller.ts'
import type { Endpoint } from './endpoint.ts'

type Method<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly input: I
  readonly output: O
}

export function ourCaller(endpoint: Endpoint, h2: 'native' | 'node'): Caller {
  const { host, port, tls } = endpoint
  const channel = createChannel(`${host}:${port}`, { h2, ...(tls === undefined ? {} : { tls }) })
  return {
    open: (method, options = {}) => {
      const simple = options.gzip !== true && options.tellCompressed !== true
      return method.methodKind === 'unary' && simple
        ? openUnary(channel, method, options)
        : open(channel, method, options)
    },
    close: () => channel.close(),
  }
}

function ourOptions(options: CallOptions): OurOptions {
  return {
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    ...(options.timeoutMs === undefined ? {} : { deadline: options.timeoutMs }),
    ...(options.gzip === true ? { compression: 'gzip' } : {}),
  }
}

function values(metadata: Metadata, name: string): Pairs[number][1][] {
  if (!name.endsWith('-bin')) return [...metadata.getAll(name)]
  return metadata.getAllBinary(name).map((bytes) => new Uint8Array(bytes))
}

async function failing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw isRpcError(error) ? new CallFailed(error.status, error.statusMessage) : error
  }
}

/** By the function of the client, as users call it. */
function openUnary<I extends DescMessage, O extends DescMessage>(
  channel: Channel,
  method: Method<I, O>,
  options: CallOptions,
): OpenCall<MessageInitShape<I>, MessageShape<O>> {
  const client = channel.client(method.parent) as unknown as Readonly<
    Record<string, (request: MessageInitShape<I>, options: OurOptions) => Promise<MessageShape<O>>>
  >
  const aborted = new AbortController()
  let headers = new Metadata()
  let trailers = new Metadata()
  let answer: Promise<MessageShape<O>> | undefined
  return {
    send: (message) => {
      answer = client[method.localName]?.(message, {
        ...ourOptions(options),
        signal: aborted.signal,
        onHeader: (received) => {
          headers = received
        },
        onTrailer: (received) => {
          trailers = received
        },
      })
      // Whoever receives hears of a failure.
      answer?.catch(() => undefined)
      return Promise.resolve()
    },
    end: () => undefined,
    cancel: () => aborted.abort(),
    receive: async () => {
      if (answer === undefined) return undefined
      const message = await failing(answer)
      answer = undefined
      return { message, compressed: undefined }
    },
    header: (name) => Promise.resolve(values(headers, name)),
    trailer: (name) => Promise.resolve(values(trailers, name)),
  }
}

/** Message by message. */
function open<I extends DescMessage, O extends DescMessage>(
  channel: Channel,
  method: Method<I, O>,
  options: CallOptions,
): OpenCall<MessageInitShape<I>, MessageShape<O>> {
  const call = channel.open(method, ourOptions(options)) as Call<
    MessageInitShape<I>,
    MessageShape<O>
  >
  return {
    send: (message, { compressed = false } = {}) =>
      failing(call.send(message, { compress: compressed })),
    end: () => call.end(),
    cancel: () => call.cancel(),
    receive: async () => {
      const message = await failing(call.receive())
      return message === undefined ? undefined : { message, compressed: call.compressed }
    },
    header: async (name) => values(await call.headers, name),
    trailer: async (name) => values(await call.trailers, name),
  }
}
