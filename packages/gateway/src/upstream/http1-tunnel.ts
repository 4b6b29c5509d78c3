import type { Socket } from 'node:net'
import type { Attempt, AttemptSink } from './attempt.ts'
import { fault } from './attempt-fault.ts'
import type { ConnectionPool } from './connection-pool.ts'

/** What an HTTP/1.1 connection is after 101: bytes both ways. */
export class Http1Tunnel implements Attempt {
  readonly timed: boolean = true
  readonly #socket: Socket
  #sink: AttemptSink | undefined

  constructor(socket: Socket, sink: AttemptSink, pool: ConnectionPool) {
    this.#socket = socket
    this.#sink = sink
    socket.on('data', (chunk: Buffer) => this.#sink?.onAttemptBody(chunk))
    socket.on('drain', () => this.#sink?.onAttemptWritable())
    socket.on('end', () => this.#take()?.onAttemptEnd([]))
    // What it was is said by 'close'.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      pool.tunnelClosed(this)
      this.#take()?.onAttemptFault(fault('reset', 'the tunnel broke'))
    })
    // Runs behind this turn: what came with the head is put back first.
    socket.resume()
  }

  #take(): AttemptSink | undefined {
    const sink = this.#sink
    this.#sink = undefined
    return sink
  }

  write(part: Uint8Array): boolean {
    return this.#socket.write(part)
  }

  end(): void {
    this.#socket.end()
  }

  pauseBody(): void {
    this.#socket.pause()
  }

  resumeBody(): void {
    this.#socket.resume()
  }

  abort(): void {
    this.#sink = undefined
    this.#socket.destroy()
  }

  discard(): void {
    this.abort()
  }

  cut(): void {
    this.#socket.destroy()
  }
}
