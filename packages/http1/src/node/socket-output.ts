import type { Socket } from 'node:net'
import { type SlabPiece, type TimerWheel, type WheelTimer, WriteSlab } from '@tidemill/core'
import { flushLater } from './flush-list.ts'

/** Bytes not yet taken by the system from which on writers are told to wait. */
const highWater = 64 * 1024

export interface OutputOwner {
  /** The socket took what was held up; write on. */
  onDrained(): void
  /** Nothing was taken for as long as the write timeout. */
  onWriteStall(): void
}

/** What a connection sends: its slab is handed to the socket once a turn, and back-pressure is told to the owner. */
export class SocketOutput {
  readonly slab: WriteSlab = new WriteSlab()
  readonly #socket: Socket
  readonly #owner: OutputOwner
  readonly #stall: WheelTimer
  readonly #stallMs: number
  readonly #written: () => void
  /** Pieces at the socket, oldest first. */
  readonly #inFlight: SlabPiece[] = []
  #inFlightBytes = 0
  #scheduled = false
  #held = false
  #ended = false

  constructor(socket: Socket, owner: OutputOwner, wheel: TimerWheel, stallMs: number) {
    this.#socket = socket
    this.#owner = owner
    this.#stallMs = stallMs
    this.#stall = wheel.timer(() => owner.onWriteStall())
    this.#written = () => this.#onWritten()
  }

  /** Bytes that the system has not taken yet. */
  get backlog(): number {
    return this.slab.pending + this.#inFlightBytes
  }

  /** True when the writer should wait for `onDrained`. */
  hold(): boolean {
    if (this.backlog < highWater) return false
    this.#held = true
    return true
  }

  /** Flushes at the end of this turn, together with all that is written until then. */
  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    flushLater(this)
  }

  /** The end of the turn has come. */
  flushScheduled(): void {
    this.#scheduled = false
    this.flush()
  }

  flush(): void {
    const socket = this.#socket
    if (this.slab.pending === 0) return
    if (this.#ended || socket.destroyed) {
      this.slab.clear()
      return
    }
    let piece = this.slab.take()
    const several = this.slab.pending > 0
    if (several) socket.cork()
    while (piece !== undefined) {
      this.#inFlight.push(piece)
      this.#inFlightBytes += piece.bytes.length
      socket.write(piece.bytes, this.#written)
      piece = this.slab.take()
    }
    if (several) socket.uncork()
    if (socket.writableLength > 0 && !this.#stall.active) this.#stall.start(this.#stallMs)
  }

  /** Flushes and sends the end of the stream; later writes are dropped. */
  end(): void {
    if (this.#ended) return
    this.flush()
    this.#ended = true
    this.#socket.end()
  }

  /** Hands over what is left; how long the socket takes for it is the new owner's matter. */
  giveAway(): void {
    this.flush()
    this.#ended = true
    this.#stall.stop()
  }

  /** Forgets everything; the socket is closed. */
  close(): void {
    this.#ended = true
    this.#stall.stop()
    this.slab.clear()
  }

  #onWritten(): void {
    const piece = this.#inFlight.shift()
    if (piece === undefined) return
    this.#inFlightBytes -= piece.bytes.length
    piece.release()
    if (this.#stall.active) {
      if (this.#inFlightBytes === 0) this.#stall.stop()
      else this.#stall.start(this.#stallMs)
    }
    if (this.#held && this.backlog < highWater / 2 && !this.#ended) {
      this.#held = false
      this.#owner.onDrained()
    }
  }
}
