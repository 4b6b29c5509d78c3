import type { TestContext } from 'node:test'
import type { Http2Stream, StreamHandler } from '@tidemill/http2'
import { createHttp2Server } from '@tidemill/http2/node'

/** One request that an HTTP/2 upstream got. */
export class H2Request implements StreamHandler {
  readonly stream: Http2Stream
  readonly headers: readonly string[]
  text = ''
  trailers: readonly string[] = []
  ended = false
  closed: number | undefined
  readonly #watchers = new Set<() => void>()

  constructor(stream: Http2Stream, headers: readonly string[], ended: boolean) {
    this.stream = stream
    this.headers = headers
    this.ended = ended
  }

  field(name: string): string | undefined {
    for (let i = 0; i < this.headers.length; i += 2)
      if (this.headers[i] === name) return this.headers[i + 1]
    return undefined
  }

  async until(holds: (request: H2Request) => boolean): Promise<void> {
    while (!holds(this)) {
      await new Promise<void>((resolve) => {
        this.#watchers.add(resolve)
      })
    }
  }

  onHeaders(): void {
    // Of a response.
  }

  onData(stream: Http2Stream, chunk: Buffer, end: boolean): void {
    this.text += chunk.toString('latin1')
    this.ended ||= end
    stream.consume(chunk.length)
    this.#wake()
  }

  onTrailers(_stream: Http2Stream, list: readonly string[]): void {
    this.trailers = list
    this.ended = true
    this.#wake()
  }

  onWritable(): void {
    this.#wake()
  }

  onClose(_stream: Http2Stream, code: number): void {
    this.closed = code
    this.#wake()
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher()
    this.#watchers.clear()
  }
}

export interface H2Upstream {
  readonly port: number
  next(): Promise<H2Request>
}

/** An HTTP/2 server by prior knowledge whose answers are the test's. */
export async function openH2Upstream(t: TestContext): Promise<H2Upstream> {
  const come: H2Request[] = []
  const waiting: ((request: H2Request) => void)[] = []
  const server = createHttp2Server({
    enableConnectProtocol: true,
    onConnection: () => ({
      onStream(stream, list, end) {
        const request = new H2Request(stream, list, end)
        const next = waiting.shift()
        if (next === undefined) come.push(request)
        else next(request)
        return request
      },
      onClose: () => undefined,
    }),
  })
  const { port } = await server.listen()
  t.after(() => server.close())
  return {
    port,
    next() {
      const request = come.shift()
      if (request !== undefined) return Promise.resolve(request)
      return new Promise((resolve) => {
        waiting.push(resolve)
      })
    },
  }
}

/** Answers with a whole response. */
export function answer(request: H2Request, text: string, fields: readonly string[] = []): void {
  request.stream.headers([':status', '200', ...fields], false)
  request.stream.data(Buffer.from(text, 'latin1'), true)
}
