import type { PingEnforcement } from '../channel/ping-enforcement.ts'
import { tooManyPings } from '../channel/ping-enforcement.ts'
import { resetNoError, status } from '../status.ts'
import type {
  HeaderList,
  ServerConnectionHandler,
  StreamHandler,
  ServerTransportConnection,
  TransportStream,
} from '../transport/transport.ts'
import { acceptsGzip } from '../wire/compression.ts'
import { isGrpcContentType, isProtoContentType } from '../wire/content-type.ts'
import { decodeBinary } from '../wire/metadata.ts'
import { encodeMessage } from '../wire/percent.ts'
import { parseTimeout } from '../wire/timeout.ts'
import type { CallFacts, CallHome } from './server-call.ts'
import type { MethodEntry, ServerCore } from './server-core.ts'
import { StreamingServerCall } from './streaming-call.ts'
import { UnaryServerCall } from './unary-call.ts'

const enhanceYourCalm = 11

/** Takes the requests of one connection: judges their headers and makes the calls. */
export class ServerConnection implements ServerConnectionHandler, CallHome {
  readonly core: ServerCore
  readonly connection: ServerTransportConnection
  readonly #enforcement: PingEnforcement
  readonly #closed: (connection: ServerConnection) => void
  /** Streams there have been. */
  begun: number = 0
  /** The header list that was judged last; clients repeat themselves, and HPACK gives the same object for the same bytes. */
  #lastList: HeaderList | undefined = undefined
  #lastFacts: CallFacts | undefined = undefined

  constructor(
    core: ServerCore,
    connection: ServerTransportConnection,
    enforcement: PingEnforcement,
    closed: (connection: ServerConnection) => void,
  ) {
    this.core = core
    this.connection = connection
    this.#enforcement = enforcement
    this.#closed = closed
  }

  onPing(): void {
    // Clients ping to measure what they receive (BDP): that is no offence (gRFC A8).
    if (this.connection.takeSent()) this.#enforcement.sent()
    if (this.#enforcement.ping(this.connection.streams)) {
      this.connection.destroy(enhanceYourCalm, tooManyPings)
    }
  }

  onError(error: unknown): void {
    this.core.logger.log('error', 'a call broke', { error })
  }

  onClose(): void {
    this.#closed(this)
  }

  onStream(stream: TransportStream, list: HeaderList, end: boolean): StreamHandler {
    this.begun++
    let facts = this.#lastFacts
    if (list !== this.#lastList) {
      facts = this.#judge(stream, list)
      this.#lastList = list
      this.#lastFacts = facts
    } else if (facts === undefined) facts = this.#judge(stream, list)
    if (facts === undefined) {
      // Answered: a client that still sends need not go on (RFC 9113 8.1).
      if (!end) stream.reset(resetNoError)
      return refusedCall
    }
    if (facts.entry.kind === 'unary') {
      const call = new UnaryServerCall(this, stream, list, facts)
      if (end) call.onTrailers()
      return call
    }
    const call = new StreamingServerCall(this, stream, list, facts)
    call.begin()
    if (end) call.onTrailers()
    return call
  }

  /** What the headers say, or undefined: then the answer has been sent. */
  #judge(stream: TransportStream, list: HeaderList): CallFacts | undefined {
    let method = ''
    let path = ''
    let contentType = ''
    let timeout: string | undefined
    let encoding = 'identity'
    let accepted: string | undefined
    let badBinary = ''
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] as string
      const value = list[i + 1] as string
      switch (name) {
        case ':method':
          method = value
          break
        case ':path':
          path = value
          break
        case 'content-type':
          contentType = value
          break
        case 'grpc-timeout':
          timeout = value
          break
        case 'grpc-encoding':
          encoding = value
          break
        case 'grpc-accept-encoding':
          accepted = value
          break
        default:
          if (name.endsWith('-bin') && decodeBinary(value) === undefined) badBinary = name
      }
    }
    if (method !== 'POST') return refuseHttp(stream, ['405', 'allow', 'POST'])
    if (!isGrpcContentType(contentType)) return refuseHttp(stream, ['415'])
    const entry = this.core.entries.get(path) ?? this.core.fallback
    if (entry === undefined)
      return this.#refuse(stream, status.UNIMPLEMENTED, unknownText(path, this.core.entries))
    if (!entry.raw && !isProtoContentType(contentType)) return refuseHttp(stream, ['415'])
    if (encoding !== 'identity' && encoding !== 'gzip') {
      return this.#refuse(stream, status.UNIMPLEMENTED, `the encoding ${encoding} is not supported`)
    }
    if (badBinary !== '')
      return this.#refuse(stream, status.INTERNAL, `the header ${badBinary} is not base64`)
    const timeoutMs = timeout === undefined ? -1 : parseTimeout(timeout)
    if (timeout !== undefined && timeoutMs < 0) {
      return this.#refuse(
        stream,
        status.INTERNAL,
        `malformed grpc-timeout: ${timeout.slice(0, 20)}`,
      )
    }
    if (timeoutMs === 0)
      return this.#refuse(stream, status.DEADLINE_EXCEEDED, 'the deadline has passed already')
    return {
      entry: entry.path === '*' ? { ...entry, path } : entry,
      timeoutMs,
      gzipRequest: encoding === 'gzip',
      acceptsGzip: acceptsGzip(accepted),
    }
  }

  #refuse(stream: TransportStream, code: number, message: string): undefined {
    const list = [':status', '200', 'content-type', 'application/grpc', 'grpc-status', String(code)]
    list.push('grpc-message', encodeMessage(message))
    if (code === status.UNIMPLEMENTED) list.push('grpc-accept-encoding', 'identity,gzip')
    stream.headers(list, true)
    this.core.callsStarted++
    this.core.callsFailed++
    return undefined
  }
}

/** Hears of streams that were answered at once. */
const refusedCall: StreamHandler = {
  onHeaders() {},
  onData(stream, chunk) {
    stream.consume(chunk.length)
  },
  onTrailers() {},
  onWritable() {},
  onClose() {},
}

function refuseHttp(stream: TransportStream, rest: readonly string[]): undefined {
  stream.headers([':status', ...rest], true)
  return undefined
}

function unknownText(path: string, entries: ReadonlyMap<string, MethodEntry>): string {
  const match = /^\/([^/]+)\/([^/]+)$/u.exec(path)
  if (match === null) return `malformed method name: ${path.slice(0, 200)}`
  const prefix = `/${match[1]}/`
  const known = [...entries.keys()].some((key) => key.startsWith(prefix))
  return known
    ? `unknown method ${match[2]} for service ${match[1]}`
    : `unknown service ${match[1]}`
}
