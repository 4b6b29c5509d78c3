import {
  parseDuration,
  realClock,
  sharedTimerWheel,
  type SlabPiece,
  type WheelTimer,
} from '@tidemill/core'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Http2Connection } from '../connection.ts'
import { SETTINGS_TIMEOUT } from '../error-code.ts'
import type { Http2SocketOptions } from './types.ts'

/** Output beyond which a server reads no further requests until the peer has read the answers. */
const congestedBytes = 1024 * 1024
/** Rounds of output in one turn; others want theirs. */
const mostRounds = 8
/** How long an ended socket may take to be closed by the peer. */
const lingerMs = 2000

/** Joins one socket and one connection. */
export class SocketBinding {
  readonly socket: Socket | TLSSocket
  readonly connection: Http2Connection
  readonly #inFlight: SlabPiece[] = []
  readonly #written: () => void
  readonly #flushNow: () => void
  #scheduled = false
  #ending = false
  readonly #idleMs: number
  readonly #progressMs: number
  readonly #handshakeMs: number
  readonly #handshake: WheelTimer
  readonly #idle: WheelTimer
  readonly #progress: WheelTimer
  readonly #linger: WheelTimer
  #openedBefore = 0
  /** How many of our SETTINGS the peer must have acknowledged when the handshake timer fires. */
  #settingsDue = 1
  #peerEnded = false

  constructor(
    socket: Socket | TLSSocket,
    connection: Http2Connection,
    options: Http2SocketOptions,
  ) {
    this.socket = socket
    this.connection = connection
    this.#idleMs = parseDuration(options.idle ?? '30m', 'idle')
    this.#progressMs = parseDuration(options.progress ?? '60s', 'progress')
    const wheel = sharedTimerWheel(options.clock ?? realClock)
    this.#written = () => {
      this.#inFlight.shift()?.release()
      if (this.#progress.active) this.#progress.start(this.#progressMs)
    }
    this.#flushNow = () => {
      this.#scheduled = false
      this.#flush()
    }
    this.#handshakeMs = parseDuration(options.handshake ?? '10s', 'handshake')
    this.#handshake = wheel.timer(() => {
      if (!connection.ready) connection.goaway(SETTINGS_TIMEOUT, 'no SETTINGS in time')
      else if (connection.settingsAcknowledged < this.#settingsDue) {
        connection.goaway(SETTINGS_TIMEOUT, 'SETTINGS were not acknowledged in time')
      } else this.#watchSettings()
    })
    this.#idle = wheel.timer(() => this.#idled())
    this.#progress = wheel.timer(() =>
      this.#cut(
        socket.writableNeedDrain ? 'the peer reads nothing' : 'the peer has ended its side',
      ),
    )
    this.#linger = wheel.timer(() => socket.destroy())
    connection.onWake = () => this.#schedule()
    socket.setNoDelay(true)
    // RFC 9113 9.2.1.
    if (socket instanceof TLSSocket) socket.disableRenegotiation()
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('drain', () => this.#flush())
    socket.on('end', () => {
      connection.readEnded()
      this.#peerEnded = true
      this.#flush()
    })
    socket.on('error', (error) => this.#cut(error.message))
    socket.on('close', () => this.#cut('the socket has closed'))
    this.#handshake.start(this.#handshakeMs)
    if (connection.output.pending > 0) this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#flushNow)
  }

  #read(chunk: Buffer): void {
    const { connection, socket } = this
    connection.feed(chunk)
    this.#schedule()
    if (connection.role === 'server' && this.#congested) socket.pause()
  }

  get #congested(): boolean {
    return this.connection.output.pending + this.socket.writableLength > congestedBytes
  }

  /** Everything there is to send, as far as the socket takes it. */
  #flush(): void {
    const { connection, socket } = this
    if (socket.destroyed) return
    const { output } = connection
    for (let round = 0; round < mostRounds; round++) {
      if (output.pending === 0 || socket.writableNeedDrain) break
      this.#write()
      connection.pump()
    }
    if (output.pending === 0) connection.pump()
    if (output.pending > 0 && !socket.writableNeedDrain) this.#schedule()
    // Not anew while it runs: what the peer sends is no sign that it reads.
    const waiting = socket.writableNeedDrain || (this.#peerEnded && connection.open)
    if (!waiting) this.#progress.stop()
    else if (!this.#progress.active) this.#progress.start(this.#progressMs)
    if (socket.isPaused() && !this.#congested) socket.resume()
    if (connection.open) {
      this.#watchIdle()
      this.#watchSettings()
    } else if (output.pending === 0) this.#end()
  }

  #write(): void {
    const { socket } = this
    const { output } = this.connection
    const first = output.take()
    if (first === undefined) return
    const many = output.pending > 0
    if (many) socket.cork()
    for (let piece: SlabPiece | undefined = first; piece !== undefined; piece = output.take()) {
      this.#inFlight.push(piece)
      socket.write(piece.bytes, this.#written)
    }
    if (many) socket.uncork()
  }

  /** Once the greeting is over: whether later SETTINGS of ours are acknowledged in time. */
  #watchSettings(): void {
    const { settingsSent, settingsAcknowledged } = this.connection
    if (this.#handshake.active || settingsSent === settingsAcknowledged) return
    this.#settingsDue = settingsSent
    this.#handshake.start(this.#handshakeMs)
  }

  /** First it is told to go away; who does not answer that in the time of a handshake is cut. */
  #idled(): void {
    const { connection } = this
    if (connection.draining) return this.#cut('idle, and does not end')
    connection.drain()
    this.#idle.start(this.#handshakeMs)
  }

  #watchIdle(): void {
    if (this.#idleMs === 0) return
    const { streams, streamsOpened } = this.connection
    if (streams > 0) this.#idle.stop()
    else if (!this.#idle.active || streamsOpened !== this.#openedBefore) {
      this.#idle.start(this.#idleMs)
    }
    this.#openedBefore = streamsOpened
  }

  /** The connection is over and everything is written: what the peer still sends is thrown away. */
  #end(): void {
    if (this.#ending) return
    this.#ending = true
    this.#stopTimers()
    this.#linger.start(lingerMs)
    this.socket.end()
  }

  /** Both are over at once. */
  #cut(reason: string): void {
    this.#stopTimers()
    this.#linger.stop()
    this.connection.ended(reason)
    this.connection.output.clear()
    this.socket.destroy()
  }

  #stopTimers(): void {
    this.#handshake.stop()
    this.#idle.stop()
    this.#progress.stop()
  }

  close(): void {
    this.#cut('closed by this side')
  }
}
