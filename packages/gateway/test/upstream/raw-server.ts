import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createServer as createTlsServer, type TlsOptions, Server as TlsServer } from 'node:tls'

/** A request as it came, bytes as latin1. */
export interface RawRequest {
  readonly head: string
  readonly method: string
  readonly target: string
  readonly body: string
}

export type Script = (connection: RawConnection, request: RawRequest) => void

/** One accepted connection: takes whole requests apart and answers with whatever bytes a test wants. */
export class RawConnection {
  readonly socket: Socket
  readonly requests: RawRequest[] = []
  /** Bytes that belong to no whole request yet. */
  rest = ''
  /** Nothing is taken apart any more: all bytes go to `rest`. */
  raw = false
  closed = false

  constructor(socket: Socket, script: Script | undefined) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
    })
    socket.on('data', (chunk: Buffer) => {
      this.rest += chunk.toString('latin1')
      if (this.raw) return
      for (let found = this.#next(); found !== undefined && !this.raw; found = this.#next()) {
        this.requests.push(found)
        script?.(this, found)
      }
    })
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'))
  }

  /** A whole answer of 200. */
  answer(body: string = 'ok', fields: string = ''): void {
    this.send(`HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`)
  }

  #next(): RawRequest | undefined {
    const end = this.rest.indexOf('\r\n\r\n')
    if (end < 0) return undefined
    const head = this.rest.slice(0, end + 4)
    const after = this.rest.slice(end + 4)
    const [method = '', target = ''] = head.split(' ')
    let size = Number(/\r\ncontent-length: (\d+)/iu.exec(head)?.[1] ?? 0)
    if (/\r\ntransfer-encoding: chunked/iu.test(head)) {
      const last = /(?:^|\r\n)0\r\n(?:[^\r]+\r\n)*\r\n/u.exec(after)
      if (last === null) return undefined
      size = last.index + last[0].length
    }
    if (after.length < size) return undefined
    this.rest = after.slice(size)
    return { head, method, target, body: after.slice(0, size) }
  }
}

/** A server that answers by script, on a free loopback port. */
export class RawServer {
  readonly port: number
  readonly connections: RawConnection[] = []
  readonly #server: Server

  private constructor(server: Server, script: Script | undefined) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('tlsClientError', () => undefined)
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.connections.push(new RawConnection(socket, script))
    })
  }

  static async start(
    t: TestContext,
    script?: Script,
    options: { readonly port?: number; readonly tls?: TlsOptions } = {},
  ): Promise<RawServer> {
    const server = options.tls === undefined ? createServer() : createTlsServer(options.tls)
    server.listen(options.port ?? 0, '127.0.0.1')
    await once(server, 'listening')
    const raw = new RawServer(server, script)
    t.after(() => raw.stop())
    return raw
  }

  get requests(): RawRequest[] {
    return this.connections.flatMap((connection) => connection.requests)
  }

  get open(): number {
    return this.connections.filter((connection) => !connection.closed).length
  }

  /** Cuts every connection and takes no more. */
  stop(): void {
    for (const { socket } of this.connections) socket.destroy()
    this.#server.close()
  }
}
