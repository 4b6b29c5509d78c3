import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'

export interface RawAnswer {
  readonly headers: Readonly<Record<string, unknown>>
  readonly trailers: Readonly<Record<string, unknown>>
  readonly body: Buffer
  /** RST_STREAM code; 0 for an orderly end. */
  readonly reset: number
  /** `grpc-status`, wherever it was. */
  readonly status: unknown
  readonly message: unknown
}

/** A peer that sends exactly what it is told, by node:http2. */
export function rawClient(port: number): {
  readonly session: ClientHttp2Session
  send(headers: OutgoingHttpHeaders, chunks: readonly Buffer[]): Promise<RawAnswer>
  [Symbol.asyncDispose](): Promise<void>
} {
  const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1000 })
  session.on('error', () => {})
  return {
    session,
    send: (headers, chunks) =>
      new Promise((resolve) => {
        const stream = session.request({
          ':method': 'POST',
          ':path': '/grpc.testing.TestService/UnaryCall',
          'content-type': 'application/grpc',
          te: 'trailers',
          ...headers,
        })
        let answer: Record<string, unknown> = {}
        let trailers: Record<string, unknown> = {}
        const body: Buffer[] = []
        stream.on('response', (list) => {
          answer = list
        })
        stream.on('trailers', (list) => {
          trailers = list
        })
        stream.on('data', (chunk: Buffer) => void body.push(chunk))
        stream.on('error', () => {})
        stream.on('close', () => {
          const all = { ...answer, ...trailers }
          resolve({
            headers: answer,
            trailers,
            body: Buffer.concat(body),
            reset: stream.rstCode ?? 0,
            status: all['grpc-status'],
            message: all['grpc-message'],
          })
        })
        for (const chunk of chunks) stream.write(chunk)
        stream.end()
      }),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        if (session.destroyed) resolve()
        else {
          session.on('close', resolve)
          session.destroy()
        }
      }),
  }
}

/** A message with its prefix. */
export function frame(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
