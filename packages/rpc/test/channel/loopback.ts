import assert from 'node:assert/strict'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Clock, createSeededRandom, realClock } from '@tidemill/core'
import { parseTarget } from '../../src/channel/target.ts'
import type { CallOutcome } from '../../src/channel/call-outcome.ts'
import { ChannelProvider, type ChannelProviderOptions } from '../../src/channel/channel-provider.ts'
import { findResolver } from '../../src/channel/resolver-registry.ts'
import type { AttemptStart, CallAttempt } from '../../src/client/attempt.ts'
import { StreamAttempt } from '../../src/client/stream-attempt.ts'
import { findTransport } from '../../src/transport/find-transport.ts'
import type {
  ConnectionSettings,
  HeaderList,
  ServerTransport,
  StreamHandler,
  Transport,
  TransportConnection,
  TransportStream,
} from '../../src/transport/transport.ts'

/** The transports that everything has to work on. */
export const transports: readonly Transport[] = [findTransport('node'), findTransport('native')]

function settings(clock: Clock): ConnectionSettings {
  const flow = {
    streamWindow: 1024 * 1024,
    connectionWindow: 4 * 1024 * 1024,
    autoTuneMax: 0,
    memoryBudget: 64 * 1024 * 1024,
  }
  return { clock, flow, maxConcurrentStreams: 100, maxHeaderListBytes: 16 * 1024 }
}

/** One call as a backend got it. */
export class ServedCall {
  readonly path: string
  readonly headers: HeaderList
  readonly stream: TransportStream
  readonly connection: TransportConnection
  /** Everything that came, frame prefixes too, one character a byte. */
  body = ''
  reset = false

  constructor(connection: TransportConnection, stream: TransportStream, headers: HeaderList) {
    this.connection = connection
    this.stream = stream
    this.headers = headers
    this.path = this.header(':path') ?? ''
  }

  header(name: string): string | undefined {
    const at = this.headers.indexOf(name)
    return at < 0 ? undefined : this.headers[at + 1]
  }

  /** Headers, a message for each text, and status OK. */
  answer(texts: readonly string[], trailers: HeaderList = []): void {
    this.begin()
    for (const text of texts) this.say(text)
    this.stream.trailers(['grpc-status', '0', ...trailers])
  }

  begin(): void {
    this.stream.headers([':status', '200', 'content-type', 'application/grpc'], false)
  }

  say(bytes: Uint8Array | string): void {
    const body = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
    const frame = Buffer.alloc(5 + body.length)
    frame.writeUInt32BE(body.length, 1)
    frame.set(body, 5)
    this.stream.data(frame, false)
  }

  /** Trailers-Only. */
  fail(code: number, trailers: HeaderList = []): void {
    const list = [':status', '200', 'content-type', 'application/grpc', 'grpc-status', String(code)]
    this.stream.headers([...list, ...trailers], true)
  }

  refuse(): void {
    this.stream.reset(7)
  }
}

/** A gRPC server below the call layer, so that a test decides on every frame. */
export class Backend {
  readonly calls: ServedCall[] = []
  readonly connections: TransportConnection[] = []
  readonly #server: ServerTransport
  address = ''

  /** `serve` hears of a call when the whole request is there. */
  constructor(
    transport: Transport,
    serve: (call: ServedCall, count: number) => void,
    changes: { readonly maxConcurrentStreams?: number } = {},
  ) {
    this.#server = transport.server({
      ...settings(realClock),
      tls: undefined,
      maxConnections: 100,
      ...changes,
      onConnection: (connection) => {
        this.connections.push(connection)
        return {
          onStream: (stream, list, end) => this.#accept(connection, stream, list, end, serve),
          onPing: () => {},
          onError: () => {},
          onClose: () => {},
        }
      },
    })
  }

  async listen(port = 0): Promise<this> {
    const at = await this.#server.listen({ kind: 'tcp', host: '127.0.0.1', port })
    assert.ok(at.kind === 'tcp')
    this.address = `127.0.0.1:${at.port}`
    return this
  }

  /** Cuts everything. */
  close(): Promise<void> {
    return this.#server.close()
  }

  #accept(
    connection: TransportConnection,
    stream: TransportStream,
    list: HeaderList,
    end: boolean,
    serve: (call: ServedCall, count: number) => void,
  ): StreamHandler {
    const call = new ServedCall(connection, stream, list)
    const ready = (): void => {
      this.calls.push(call)
      serve(call, this.calls.length)
    }
    if (end) ready()
    return {
      onHeaders: () => {},
      onData: (_stream, chunk, last) => {
        stream.consume(chunk.length)
        call.body += chunk.toString('latin1')
        if (last) ready()
      },
      onTrailers: () => {},
      onWritable: () => {},
      onClose: (_stream, code) => {
        call.reset = code !== 0
      },
    }
  }
}

/** What a call on a provider gave. */
export interface Answer extends CallOutcome {
  readonly messages: readonly string[]
  readonly headersAt: boolean
}

/** A provider of a channel to the target, over the transport, without the call layer above it. */
export function openProvider(
  transport: Transport,
  text: string,
  changes: Partial<ChannelProviderOptions> = {},
): ChannelProvider {
  const clock = changes.clock ?? realClock
  const { target, resolver } = parseTarget(text, findResolver)
  return new ChannelProvider({
    target,
    resolver,
    connector: transport.client({ ...settings(clock), tls: undefined, connectTimeoutMs: 200_000 }),
    authority: resolver.authority(target),
    scheme: 'http',
    clock,
    random: createSeededRandom(1),
    serviceConfig: undefined,
    txtServiceConfig: false,
    connections: 1,
    maxQueuedCalls: 10_000,
    idleMs: Infinity,
    keepalive: { timeMs: Infinity, timeoutMs: 20_000, permitWithoutStream: false },
    attempt: (provider, start, listener) =>
      new StreamAttempt({ provider, clock: realClock, userAgent: 'test' }, start, listener),
    ...changes,
  })
}

export interface CallHandle {
  readonly attempt: CallAttempt
  readonly answer: Promise<Answer>
}

/** Begins a call and sends one message; the promise never rejects. */
export function beginCall(
  provider: ChannelProvider,
  path = '/t.S/M',
  text = 'q',
  changes: Partial<AttemptStart> = {},
): CallHandle {
  let received = ''
  let headersAt = false
  let settle: (answer: Answer) => void = () => {}
  const answer = new Promise<Answer>((resolve) => {
    settle = resolve
  })
  const start = { path, waitForReady: false, headers: [], deadlineAt: Infinity, ...changes }
  const attempt = provider.begin(start, provider.config(path), {
    onHeaders: () => {
      headersAt = true
    },
    onData: (chunk) => {
      attempt.consume(chunk.length)
      received += chunk.toString('latin1')
    },
    onWritable: () => {},
    onEnd: (outcome) => settle({ ...outcome, messages: messagesOf(received), headersAt }),
  })
  const frame = Buffer.alloc(5 + text.length)
  frame.writeUInt32BE(text.length, 1)
  frame.write(text, 5, 'latin1')
  attempt.send(frame, true)
  return { attempt, answer }
}

export function callOnce(
  provider: ChannelProvider,
  path?: string,
  text?: string,
  changes?: Partial<AttemptStart>,
): Promise<Answer> {
  return beginCall(provider, path, text, changes).answer
}

function messagesOf(text: string): readonly string[] {
  const bytes = Buffer.from(text, 'latin1')
  const messages: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1)
    messages.push(bytes.toString('latin1', at + 5, at + 5 + length))
    at += 5 + length
  }
  return messages
}

/** Waits for something that other code brings about, a turn of the loop at a time. */
export async function until(what: string, reached: () => boolean): Promise<void> {
  const end = performance.now() + 10_000
  while (!reached()) {
    if (performance.now() > end) throw new Error(`it did not come to pass that ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A relay in front of a backend that can stop forwarding while its sockets stay open. */
export class Relay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #target: string
  #silent = false
  address = ''

  constructor(target: string) {
    this.#target = target
    this.#server = createServer((socket) => this.#accept(socket))
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const at = this.#server.address()
    assert.ok(at !== null && typeof at === 'object')
    this.address = `127.0.0.1:${at.port}`
    return this
  }

  goSilent(): void {
    this.#silent = true
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #accept(near: Socket): void {
    const [host = '', port = ''] = this.#target.split(':')
    const far = connect(Number(port), host)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', (chunk) => {
        if (!this.#silent) to.write(chunk)
      })
      from.on('error', () => {})
      from.on('close', () => to.destroy())
    }
  }
}
