import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { readStrict, type StrictRequest } from './strict-parser.ts'

/** An upstream that keeps what it received as bytes and answers each whole request with 200. */
export class Recorder {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Requests since the last {@link take}: whole ones, and those whose connection ended before. */
  #requests: StrictRequest[] = []
  #wrong: string[] = []

  constructor() {
    this.#server = createServer({ allowHalfOpen: false, noDelay: true }, (socket) => {
      this.#serve(socket)
    })
  }

  /** Resolves with the port. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve)
    })
    return (this.#server.address() as AddressInfo).port
  }

  take(): { readonly requests: readonly StrictRequest[]; readonly wrong: readonly string[] } {
    const taken = { requests: this.#requests, wrong: this.#wrong }
    this.#requests = []
    this.#wrong = []
    return taken
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #serve(socket: Socket): void {
    let bytes: Buffer = Buffer.alloc(0)
    let continued = false
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
      try {
        for (;;) {
          const request = readStrict(bytes, 0)
          if (request === undefined) return
          if (!request.complete) {
            const expects = request.headers.some(([name]) => name === 'expect')
            if (expects && !continued) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
            continued = expects
            return
          }
          continued = false
          this.#requests.push(request)
          bytes = bytes.subarray(request.end)
          const body = request.method === 'HEAD' ? '' : 'ok'
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${body}`)
        }
      } catch (error) {
        this.#wrong.push(`${String(error)} in ${JSON.stringify(bytes.toString('latin1'))}`)
        bytes = Buffer.alloc(0)
        socket.destroy()
      }
    })
    socket.on('close', () => {
      this.#sockets.delete(socket)
      if (bytes.length === 0) return
      const request = readStrict(bytes, 0)
      if (request === undefined) this.#wrong.push(`half a head: ${bytes.toString('latin1')}`)
      else this.#requests.push(request)
    })
  }
}
