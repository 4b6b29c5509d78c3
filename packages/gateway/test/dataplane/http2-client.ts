import type { TestContext } from 'node:test'
import { realClock } from '@tidemill/core'
import {
  type Http2Connection,
  type Http2Stream,
  NO_ERROR,
  type StreamEnd,
  type StreamHandler,
} from '@tidemill/http2'
import { connectHttp2 } from '@tidemill/http2/node'

/** One request on an HTTP/2 connection of a test, and all that came back. */
export class H2Call implements StreamHandler {
  stream: Http2Stream | undefined
  readonly interim: (readonly string[])[] = []
  headers: readonly string[] = []
  trailers: readonly string[] = []
  text = ''
  bytes = 0
  closed: { readonly code: number; readonly how: StreamEnd } | undefined
  /** False: what comes is not consumed. */
  reading = true
  readonly #watchers = new Set<() => void>()

  field(name: string): string | undefined {
    return pick(this.headers, name)
  }

  trailer(name: string): string | undefined {
    return pick(this.trailers, name)
  }

  data(text: string | Buffer, end: boolean): boolean {
    return this.stream?.data(Buffer.from(text as string), end) ?? true
  }

  until(what: string | ((call: H2Call) => boolean)): Promise<H2Call> {
    const holds = typeof what === 'string' ? () => this.text.includes(what) : () => what(this)
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!holds()) return
        this.#watchers.delete(check)
        limit.cancel()
        resolve(this)
      }
      const limit = realClock.timer(5000, () => {
        this.#watchers.delete(check)
        const seen = JSON.stringify([this.headers, this.text.slice(0, 500), this.closed])
        reject(new Error(`waited for ${String(what)} in ${seen}`))
      })
      this.#watchers.add(check)
      check()
    })
  }

  /** Resolves when the stream is closed. */
  done(): Promise<H2Call> {
    return this.until(() => this.closed !== undefined)
  }

  onHeaders(_stream: Http2Stream, list: readonly string[]): void {
    if (list[1]?.startsWith('1') === true) this.interim.push(list)
    else this.headers = list
    this.#wake()
  }

  onData(stream: Http2Stream, chunk: Buffer): void {
    if (this.text.length < 100_000) this.text += chunk.toString('latin1')
    this.bytes += chunk.length
    if (this.reading) stream.consume(chunk.length)
    this.#wake()
  }

  onTrailers(_stream: Http2Stream, list: readonly string[]): void {
    this.trailers = list
    this.#wake()
  }

  onWritable(): void {
    this.#wake()
  }

  onClose(_stream: Http2Stream, code: number, how: StreamEnd): void {
    this.closed = { code, how }
    this.#wake()
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher()
  }
}

function pick(list: readonly string[], name: string): string | undefined {
  for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1]
  return undefined
}

export interface H2Client {
  readonly connection: Http2Connection
  goaway: number | undefined
  closed: boolean
  request(fields: readonly (readonly [string, string])[], end?: boolean): H2Call
  get(path: string, fields?: readonly (readonly [string, string])[]): H2Call
}

/** An HTTP/2 connection by prior knowledge, once the server's settings are here. */
export async function connectClient(t: TestContext, port: number): Promise<H2Client> {
  let ready: (() => void) | undefined
  const settings = new Promise<void>((resolve) => {
    ready = resolve
  })
  const connection = await connectHttp2(
    {
      onStream: () => new H2Call(),
      onSettings: () => ready?.(),
      onGoaway: (code) => {
        client.goaway = code
      },
      onClose: () => {
        client.closed = true
      },
    },
    { port },
  )
  const client: H2Client = {
    connection,
    goaway: undefined,
    closed: false,
    request(fields, end = false) {
      const call = new H2Call()
      call.stream = connection.request(fields.flat(), end, call)
      return call
    },
    get: (path, fields = []) =>
      client.request(
        [
          [':method', 'GET'],
          [':scheme', 'http'],
          [':path', path],
          [':authority', 'a.example'],
          ...fields,
        ],
        true,
      ),
  }
  await settings
  t.after(() => connection.goaway(NO_ERROR))
  return client
}
