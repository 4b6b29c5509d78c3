import type { Socket } from 'node:net'
import type { TimerWheel, WheelTimer } from '@tidemill/core'
import { type ClientHello, ClientHelloReader } from './client-hello.ts'

export interface SnifferOwner {
  /** All bytes are back in the socket, which is paused. */
  onHello(socket: Socket, hello: ClientHello): void
  /** No ClientHello came, or none that is well-formed. */
  onNoHello(socket: Socket, reader: ClientHelloReader, reason: string): void
}

/** Reads the first bytes of one TLS connection until it is known whom the client wants, and puts them back. */
export class HelloSniffer {
  readonly #socket: Socket
  readonly #owner: SnifferOwner
  readonly #reader = new ClientHelloReader()
  readonly #timer: WheelTimer
  readonly #onData = (chunk: Buffer): void => this.#receive(chunk)
  readonly #onEnd = (): void => this.#fail('the connection ended')
  readonly #onClose = (): void => this.#detach()

  constructor(socket: Socket, owner: SnifferOwner, wheel: TimerWheel, timeoutMs: number) {
    this.#socket = socket
    this.#owner = owner
    this.#timer = wheel.timer(() => this.#fail('too slow'))
    this.#timer.start(timeoutMs)
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
  }

  #receive(chunk: Buffer): void {
    const state = this.#reader.push(chunk)
    if (state === 'more') return
    const hello = this.#reader.hello
    if (hello === undefined) {
      this.#fail(this.#reader.reason)
      return
    }
    this.#detach()
    // Before the bytes are back nobody may read, or they would come out of order.
    this.#socket.pause()
    this.#socket.unshift(this.#reader.bytes)
    this.#owner.onHello(this.#socket, hello)
  }

  #fail(reason: string): void {
    this.#detach()
    this.#owner.onNoHello(this.#socket, this.#reader, reason)
  }

  #detach(): void {
    this.#timer.stop()
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onEnd)
    this.#socket.off('close', this.#onClose)
  }
}
