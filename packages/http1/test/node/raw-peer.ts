import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A client of bytes: sends what it is told and waits for what a test expects. */
export class RawPeer {
  readonly socket: Socket
  text = ''
  /** True when the other side ended the stream or cut it. */
  closed = false
  #wake: () => void = () => undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1')
      this.#wake()
    })
    const over = (): void => {
      this.closed = true
      this.#wake()
    }
    socket.on('end', over)
    socket.on('close', over)
    socket.on('error', () => undefined)
  }

  static async connect(port: number): Promise<RawPeer> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    return new RawPeer(socket)
  }

  send(text: string): void {
    this.socket.write(Buffer.from(text, 'latin1'))
  }

  /** Waits until all that came satisfies `done`. */
  async until(done: (text: string, closed: boolean) => boolean): Promise<string> {
    while (!done(this.text, this.closed)) {
      if (this.closed) throw new Error(`closed after ${JSON.stringify(this.text.slice(0, 2000))}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.text
  }

  /** Waits for the end of the stream. */
  async end(): Promise<string> {
    while (!this.closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.text
  }
}

/** Waits until the condition holds, a turn of the loop at a time. */
export async function turns(done: () => boolean): Promise<void> {
  while (!done()) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** How many responses the text holds. */
export function responses(text: string): number {
  return text.split('HTTP/1.1 ').length - 1
}
