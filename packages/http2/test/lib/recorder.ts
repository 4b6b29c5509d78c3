import type {
  ConnectionHandler,
  HeaderList,
  Http2Stream,
  StreamEnd,
  StreamHandler,
} from '@tidemill/http2'

/** What a stream has told, as a test compares it. */
export interface StreamLog {
  readonly stream: Http2Stream
  readonly headers: HeaderList[]
  readonly trailers: HeaderList[]
  body: string
  ended: boolean
  writable: number
  code: number | undefined
  how: StreamEnd | undefined
}

/** Collects the events of streams, and lets a test react to them. */
export class Recorder implements StreamHandler {
  readonly logs = new Map<Http2Stream, StreamLog>()
  /** Whether data is consumed as it comes. */
  consumes = true
  onEnd: (log: StreamLog) => void = () => undefined

  log(stream: Http2Stream): StreamLog {
    let log = this.logs.get(stream)
    if (log === undefined) {
      log = {
        stream,
        headers: [],
        trailers: [],
        body: '',
        ended: false,
        writable: 0,
        code: undefined,
        how: undefined,
      }
      this.logs.set(stream, log)
    }
    return log
  }

  get all(): StreamLog[] {
    return [...this.logs.values()]
  }

  onHeaders(stream: Http2Stream, list: HeaderList, end: boolean): void {
    const log = this.log(stream)
    log.headers.push(list)
    if (end) this.#ended(log)
  }

  onData(stream: Http2Stream, chunk: Buffer, end: boolean): void {
    const log = this.log(stream)
    log.body += chunk.toString('latin1')
    if (this.consumes) stream.consume(chunk.length)
    if (end) this.#ended(log)
  }

  onTrailers(stream: Http2Stream, list: HeaderList): void {
    const log = this.log(stream)
    log.trailers.push(list)
    this.#ended(log)
  }

  onWritable(stream: Http2Stream): void {
    this.log(stream).writable++
  }

  onClose(stream: Http2Stream, code: number, how: StreamEnd): void {
    const log = this.log(stream)
    if (log.how !== undefined) throw new Error('onClose twice')
    log.code = code
    log.how = how
  }

  #ended(log: StreamLog): void {
    if (log.ended) throw new Error('the end twice')
    log.ended = true
    this.onEnd(log)
  }
}

/** Collects the events of a connection; a server's streams go to `streams`. */
export class ConnectionRecorder implements ConnectionHandler {
  readonly streams: Recorder = new Recorder()
  readonly errors: unknown[] = []
  readonly goaways: { readonly code: number; readonly lastId: number; readonly debug: string }[] =
    []
  slotEvents = 0
  settingsEvents = 0
  pings = 0
  closed: { readonly code: number; readonly reason: string } | undefined = undefined

  onStream(stream: Http2Stream, list: HeaderList, end: boolean): StreamHandler {
    this.streams.onHeaders(stream, list, end)
    return this.streams
  }

  onSettings(): void {
    this.settingsEvents++
  }

  onSlots(): void {
    this.slotEvents++
  }

  onPing(): void {
    this.pings++
  }

  onGoaway(code: number, lastId: number, debug: Buffer): void {
    this.goaways.push({ code, lastId, debug: debug.toString() })
  }

  onError(error: unknown): void {
    this.errors.push(error)
  }

  onClose(code: number, reason: string): void {
    if (this.closed !== undefined) throw new Error('the connection closed twice')
    this.closed = { code, reason }
  }
}
