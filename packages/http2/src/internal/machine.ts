import type { Http2Connection } from '../connection.ts'
import {
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  INTERNAL_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
} from '../error-code.ts'
import { http2Errors } from '../errors.ts'
import { BlockedTime } from '../flow/blocked-time.ts'
import type { ConnectionHandler, StreamEnd, StreamHandler } from '../handler.ts'
import { HpackDecoder } from '../hpack/decoder.ts'
import { DECODED, type HeaderBlock } from '../hpack/header-block.ts'
import { headerValue } from '../hpack/header-check.ts'
import type { HeaderList } from '../header-list.ts'
import type { Http2Options } from '../options.ts'
import type { Http2Stats } from '../stats.ts'
import { ClosedStreams, ENDED, RESET_BY_PEER, RESET_BY_US } from './closed-streams.ts'
import { FrameReader } from './frame-reader.ts'
import { maxInt31 } from './frame.ts'
import type { Progress } from './meter.ts'
import { Meters } from './meters.ts'
import { nobody, Notifier } from './notifier.ts'
import { isRequest, takeResponse } from './incoming.ts'
import { checkOutgoing, firstSettings, noSlot } from './outgoing.ts'
import { Pings } from './pings.ts'
import { Receiver } from './receiver.ts'
import { Receiving, type ReceivingOwner } from './receiving.ts'
import { Sender, type SenderEvents } from './sender.ts'
import { MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, RemoteSettings } from './settings-codec.ts'
import { statsOf } from './stats-of.ts'
import { type StreamOwner, StreamState } from './stream-state.ts'
import { checkRange, type Tuning, tuningOf } from './tuning.ts'

/** Requests a client begins before it knows the server's limit, as grpc-go does. */
const slotsBeforeSettings = 100
const drainPing = Buffer.from('tm drain', 'latin1')
const listTooLarge: HeaderList = Object.freeze([':status', '431'])

/** The connection: owns the streams and decides their ends; frames come from the receiver and go out by the sender. */
export class Machine implements Http2Connection, StreamOwner, SenderEvents, ReceivingOwner {
  readonly role: 'client' | 'server'
  readonly isServer: boolean
  readonly tuning: Tuning
  readonly #notify: Notifier
  onWake: () => void = () => undefined
  readonly peerSettings: RemoteSettings = new RemoteSettings()
  readonly progress: Progress = { frames: 0 }
  readonly meters: Meters
  readonly sender: Sender
  readonly receiving: Receiving
  readonly decoder: HpackDecoder
  readonly pings: Pings
  readonly closedStreams: ClosedStreams
  readonly #reader: FrameReader
  readonly #streams = new Map<number, StreamState>()
  /** Largest id the peer has used. */
  highestPeerId = 0
  #nextId = 1
  open = true
  draining = false
  /** After the final GOAWAY: streams of the peer above it are ignored; -1 before. */
  #lastTaken = -1
  /** Last id of the peer's GOAWAY; -1 before. */
  #lastId = -1
  #settingsArrived = false
  settingsAcknowledged = 0
  /** SETTINGS of ours that are unanswered: the initial window each announces, -1 for none. */
  readonly #unanswered: number[] = []
  #maxConcurrentStreams: number
  #feeding = false
  #woken = false
  streamsOpened = 0
  bytesReceived = 0
  /** Runs while the peer's limit of streams is reached. */
  readonly slotsGone: BlockedTime
  /** When the socket is gone: bytes of the output that were taken. */
  #sentTo: number = Number.MAX_SAFE_INTEGER
  /** The peer has ended its side: no more credit will come. */
  #inputOver = false
  #endedInside: { readonly code: number; readonly how: StreamEnd } | undefined = undefined

  constructor(role: 'client' | 'server', handler: ConnectionHandler, options: Http2Options) {
    this.role = role
    this.isServer = role === 'server'
    this.#notify = new Notifier(handler, (stream) => stream.reset(INTERNAL_ERROR))
    const tuning = tuningOf(options)
    this.tuning = tuning
    this.#maxConcurrentStreams = tuning.maxConcurrentStreams
    this.meters = new Meters(tuning.clock, tuning.limits, this.progress)
    this.slotsGone = new BlockedTime(tuning.clock)
    this.sender = new Sender(this, this.progress, tuning.clock, tuning.highWater)
    this.pings = new Pings(this.sender, (done) => this.#notify.pong(done))
    this.receiving = new Receiving(this, this.sender, tuning)
    this.decoder = new HpackDecoder({ maxListSize: tuning.maxHeaderListSize })
    this.closedStreams = new ClosedStreams(4 * Math.min(tuning.maxConcurrentStreams, 2048))
    this.#reader = new FrameReader(new Receiver(this), tuning.maxFrameSize, this.isServer)
    this.#greet()
  }

  #greet(): void {
    const window = this.receiving.tuner.announced
    if (!this.isServer) this.sender.preface()
    this.sender.settings(firstSettings(this.isServer, this.tuning, window))
    this.#unanswered.push(window)
    this.receiving.raise()
  }

  get handler(): ConnectionHandler {
    return this.#notify.handler
  }

  set handler(handler: ConnectionHandler) {
    this.#notify.handler = handler
  }

  get output(): Http2Connection['output'] {
    return this.sender.output
  }

  get streams(): number {
    return this.#streams.size
  }

  get ready(): boolean {
    return this.#settingsArrived && this.settingsAcknowledged > 0
  }

  get settingsWaiting(): number {
    return this.#unanswered.length
  }

  get settingsSent(): number {
    return this.settingsAcknowledged + this.#unanswered.length
  }

  get slots(): number {
    if (this.isServer || this.draining || !this.open) return 0
    const most = this.#settingsArrived
      ? this.peerSettings.maxConcurrentStreams
      : slotsBeforeSettings
    return Math.max(0, most - this.#streams.size)
  }

  find(id: number): StreamState | undefined {
    return this.#streams.get(id)
  }

  /** Whether nobody has used the id yet. */
  isIdle(id: number): boolean {
    if ((id & 1) === 0) return true
    if (!this.isServer) return id >= this.#nextId
    return id > this.highestPeerId && !this.ignores(id)
  }

  /** Whether a reset of the stream by the peer is counted: nothing was answered, or the stream is no more. */
  isCheap(id: number): boolean {
    const stream = this.#streams.get(id)
    return stream === undefined || !stream.headersSent
  }

  /** Whether the stream came after our final GOAWAY said that it will not be taken. */
  ignores(id: number): boolean {
    return this.#lastTaken >= 0 && id > this.#lastTaken && (id & 1) === 1
  }

  feed(chunk: Buffer): void {
    if (!this.open) return
    this.#feeding = true
    this.bytesReceived += chunk.length
    this.#reader.feed(chunk)
    this.#feeding = false
  }

  readEnded(): void {
    if (!this.open) return
    if (!this.isServer || !this.#reader.atBoundary) return this.ended()
    this.draining = true
    this.#inputOver = true
    this.#lastTaken = this.highestPeerId
    for (const stream of Array.from(this.#streams.values())) {
      if (!stream.remoteEnded) this.#close(stream, NO_ERROR, 'lost', RESET_BY_US)
    }
    this.#loseStuck()
    this.#finishIfDrained()
    this.wake()
  }

  /** Without credit to come, what is longer than the windows can never be sent whole. */
  #loseStuck(): void {
    for (const stream of Array.from(this.#streams.values())) {
      const reach = Math.min(stream.sendWindow, this.sender.window)
      if (stream.bufferedBytes <= Math.max(0, reach)) continue
      this.sender.reset(stream.id, INTERNAL_ERROR)
      this.#close(stream, NO_ERROR, 'lost', RESET_BY_US)
    }
  }

  ended(reason = 'the peer has closed the connection'): void {
    if (!this.open) return
    // What nobody took is thrown away: it was never sent, and will not be.
    this.#sentTo = this.output.taken
    this.output.clear()
    this.#finish(NO_ERROR, reason)
  }

  pump(): void {
    this.#woken = false
    if (this.open) this.sender.pump()
    if (this.#inputOver) this.#loseStuck()
  }

  wake(): void {
    if (this.#feeding || this.#woken) return
    if (this.open && this.output.pending === 0) return
    this.#woken = true
    this.onWake()
  }

  // What the user does.

  request(list: HeaderList, end: boolean, handler: StreamHandler): StreamState {
    if (this.slots === 0) throw noSlot(this)
    checkOutgoing(list, 'request', this.peerSettings)
    const id = this.#nextId
    this.#nextId += 2
    const { initialWindowSize } = this.peerSettings
    const stream = new StreamState(this, id, handler, initialWindowSize, this.receiving.open())
    stream.isHead = headerValue(list, ':method') === 'HEAD'
    stream.headersSent = true
    stream.startsAt = this.output.taken + this.output.pending
    this.#streams.set(id, stream)
    this.streamsOpened++
    this.sender.headers(id, list, end)
    if (end) {
      stream.endAsked = true
      stream.localEnded = true
    }
    if (this.#nextId >= this.tuning.drainAtStreamId) this.drain()
    else if (this.slots === 0) this.slotsGone.enter()
    this.wake()
    return stream
  }

  sendHeaders(stream: StreamState, list: HeaderList, end: boolean): void {
    checkOutgoing(list, 'response', this.peerSettings)
    const status = headerValue(list, ':status') as string
    if (status.startsWith('1')) {
      if (end) {
        const details = { reason: `a ${status} response cannot end the stream` }
        throw http2Errors.error('TM_HTTP2_HEADERS', details)
      }
    } else {
      stream.headersSent = true
      this.meters.answers.frames++
    }
    this.sender.headers(stream.id, list, end)
    if (end) {
      stream.endAsked = true
      this.sentEnd(stream)
    }
    this.wake()
  }

  sendData(stream: StreamState, bytes: Uint8Array, end: boolean): boolean {
    if (stream.bufferedBytes > this.tuning.sendLimit) {
      throw http2Errors.error('TM_HTTP2_SEND_BUFFER', {
        id: stream.id,
        bytes: stream.bufferedBytes,
      })
    }
    const more = this.sender.data(stream, bytes, end)
    if (this.#inputOver) this.#loseStuck()
    this.wake()
    return more
  }

  sendTrailers(stream: StreamState, list: HeaderList): void {
    checkOutgoing(list, 'trailers', this.peerSettings)
    this.sender.trailers(stream, list)
    this.wake()
  }

  resetStream(stream: StreamState, code: number): void {
    this.sender.reset(stream.id, code)
    this.#close(stream, code, 'local', RESET_BY_US)
    this.wake()
  }

  consume(stream: StreamState, bytes: number): void {
    stream.unconsumedBytes -= bytes
    if (stream.closed) return
    this.receiving.read(stream, bytes)
    this.wake()
  }

  expect(stream: StreamState, bytes: number): void {
    this.receiving.expect(stream, bytes)
    this.wake()
  }

  ping(payload: Uint8Array, done: () => void): void {
    if (!this.open) return
    this.pings.check(payload)
    this.pings.send(payload, done)
    this.wake()
  }

  goaway(code: number, debug = ''): void {
    this.fail(code, debug)
    this.wake()
  }

  drain(): void {
    if (!this.open || (this.draining && this.#lastId < 0)) return
    const before = this.slots
    this.draining = true
    if (this.isServer) {
      this.sender.goaway(maxInt31, NO_ERROR, '')
      this.pings.send(drainPing, () => this.#drained())
    } else {
      if (before > 0) this.#notify.slots()
      this.#finishIfDrained()
    }
    this.wake()
  }

  /** A round trip after the first GOAWAY: the peer has read it, so no more streams are on their way. */
  #drained(): void {
    if (!this.open || this.#lastTaken >= 0) return
    this.#lastTaken = this.highestPeerId
    this.sender.goaway(this.highestPeerId, NO_ERROR, '')
    this.#finishIfDrained()
  }

  #finishIfDrained(): void {
    if (!this.open || !this.draining || this.#streams.size > 0) return
    if (this.isServer) {
      if (this.#lastTaken < 0 && this.#lastId < 0) return
    } else this.sender.goaway(0, NO_ERROR, '')
    this.#finish(NO_ERROR, '')
  }

  settings(changes: { readonly maxConcurrentStreams: number }): void {
    if (!this.open) return
    const { maxConcurrentStreams } = changes
    const most = checkRange('maxConcurrentStreams', maxConcurrentStreams, 0, maxInt31)
    this.#maxConcurrentStreams = most
    this.sender.settings([MAX_CONCURRENT_STREAMS, most])
    this.#unanswered.push(-1)
    this.wake()
  }

  announceWindow(bytes: number): void {
    if (!this.open) return
    this.sender.settings([INITIAL_WINDOW_SIZE, bytes])
    this.#unanswered.push(bytes)
  }

  measure(payload: Buffer, done: () => void): void {
    if (this.open) this.pings.send(payload, done)
  }

  stats(): Http2Stats {
    return statsOf(this)
  }

  // What the sender tells.

  sentEnd(stream: StreamState): void {
    stream.localEnded = true
    if (stream.remoteEnded) this.#close(stream, NO_ERROR, 'done', ENDED)
  }

  writable(stream: StreamState): void {
    this.#notify.writable(stream)
  }

  // What the receiver tells.

  /** An error of the connection, RFC 9113 5.4.1. */
  fail(code: number, reason: string): void {
    if (!this.open) return
    this.sender.goaway(this.highestPeerId, code, reason)
    this.#finish(code, reason)
  }

  /** An error of a stream that the peer is to blame for, RFC 9113 5.4.2; too many of them cost the connection. */
  offence(id: number, code: number): void {
    const stream = this.#streams.get(id)
    this.sender.reset(id, code)
    if (stream === undefined) this.closedStreams.remember(id, RESET_BY_US)
    else this.#close(stream, code, 'local', RESET_BY_US)
    if (this.meters.resets.hit()) this.fail(ENHANCE_YOUR_CALM, 'too many resets')
    this.#checkOutput()
  }

  /** Answers that pile up because the peer does not read them are a way to fill our memory. */
  #checkOutput(): void {
    if (this.sender.controlBytes <= this.tuning.limits.controlOutput) return
    this.meters.unreadAnswers++
    this.fail(ENHANCE_YOUR_CALM, 'answers are not read')
  }

  /** A server's next request. */
  opened(id: number, block: HeaderBlock, ends: boolean, error: number): void {
    this.highestPeerId = id
    if (error !== NO_ERROR) return this.offence(id, error)
    if (this.#streams.size >= this.#maxConcurrentStreams) return this.#refuse(id)
    if (block.verdict !== DECODED) return this.#tooLarge(id, ends)
    if (!isRequest(block, ends, this.tuning.enableConnectProtocol)) {
      return this.offence(id, PROTOCOL_ERROR)
    }
    const { initialWindowSize } = this.peerSettings
    const stream = new StreamState(this, id, nobody, initialWindowSize, this.receiving.open())
    stream.headersReceived = true
    stream.remoteEnded = ends
    stream.expectedLength = block.contentLength
    this.#streams.set(id, stream)
    this.streamsOpened++
    this.#notify.stream(stream, block.list, ends)
    const inside = this.#endedInside
    if (inside !== undefined) {
      this.#endedInside = undefined
      this.#notify.closed(stream, inside.code, inside.how)
    }
    if (id >= this.tuning.drainAtStreamId) this.drain()
  }

  #refuse(id: number): void {
    this.sender.reset(id, REFUSED_STREAM)
    this.closedStreams.remember(id, RESET_BY_US)
    if (this.meters.refusals.hit()) this.fail(ENHANCE_YOUR_CALM, 'too many streams at a time')
    this.#checkOutput()
  }

  #tooLarge(id: number, ends: boolean): void {
    this.sender.headers(id, listTooLarge, true)
    if (!ends) this.sender.reset(id, NO_ERROR)
    this.closedStreams.remember(id, ends ? ENDED : RESET_BY_US)
  }

  /** A client's response headers, informational or final. */
  responseArrived(stream: StreamState, block: HeaderBlock, ends: boolean): void {
    if (block.verdict !== DECODED) return this.resetStream(stream, ENHANCE_YOUR_CALM)
    const code = takeResponse(stream, block, ends)
    if (code !== NO_ERROR) return this.offence(stream.id, code)
    this.#notify.headers(stream, block.list, ends)
    this.#closeIfDone(stream)
  }

  trailersArrived(stream: StreamState, block: HeaderBlock, ends: boolean): void {
    const short = stream.expectedLength >= 0 && stream.receivedLength < stream.expectedLength
    if (!ends || short) return this.offence(stream.id, PROTOCOL_ERROR)
    if (block.verdict !== DECODED) return this.resetStream(stream, ENHANCE_YOUR_CALM)
    if (block.fault('trailers') !== undefined) return this.offence(stream.id, PROTOCOL_ERROR)
    stream.remoteEnded = true
    this.#notify.trailers(stream, block.list)
    this.#closeIfDone(stream)
  }

  deliverData(stream: StreamState, chunk: Buffer, ends: boolean): void {
    if (ends) stream.remoteEnded = true
    this.#notify.data(stream, chunk, ends)
    if (ends) this.#closeIfDone(stream)
  }

  resetByPeer(id: number, code: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    const unprocessed = code === REFUSED_STREAM && !stream.headersReceived
    this.#close(stream, code, unprocessed ? 'unprocessed' : 'remote', RESET_BY_PEER)
  }

  settingsArrived(bytes: Buffer, start: number, end: number): void {
    const { peerSettings, sender } = this
    const before = this.slots
    const windowBefore = peerSettings.initialWindowSize
    const code = peerSettings.applyAll(bytes, start, end, !this.isServer)
    if (code !== NO_ERROR) return this.fail(code, 'a setting with a wrong value')
    this.#settingsArrived = true
    // The smallest of several counts too: the peer's table was emptied to it (RFC 7541 4.2).
    sender.encoder.setMaxTableSize(peerSettings.leastTableSize)
    sender.encoder.setMaxTableSize(peerSettings.headerTableSize)
    sender.setMaxFrameSize(peerSettings.maxFrameSize)
    sender.settingsAck()
    this.#checkOutput()
    const delta = peerSettings.initialWindowSize - windowBefore
    if (delta !== 0 && !this.#moveWindows(delta)) return
    this.#notify.settings(this.peerSettings)
    if (before === 0) this.#slotsBack()
    else if (before > 0 && this.slots === 0 && !this.isServer && !this.draining) {
      this.slotsGone.enter()
    }
  }

  /** Perhaps requests may begin again. */
  #slotsBack(): void {
    if (this.slots === 0) return
    if (this.slotsGone.count > 0) this.slotsGone.leave()
    this.#notify.slots()
  }

  /** The initial window moves those of the open streams; it is an error when one overflows (RFC 9113 6.9.2). */
  #moveWindows(delta: number): boolean {
    for (const stream of this.#streams.values()) {
      if (stream.sendWindow + delta > maxInt31) {
        this.fail(FLOW_CONTROL_ERROR, 'the initial window makes a stream window overflow')
        return false
      }
      stream.sendWindow += delta
      this.sender.windowChanged(stream)
    }
    this.sender.pump()
    return true
  }

  /** The peer's answer to our SETTINGS; false when it answers nothing. */
  settingsAcked(): boolean {
    const window = this.#unanswered.shift()
    if (window === undefined) return false
    this.settingsAcknowledged++
    if (this.settingsAcknowledged === 1 && this.tuning.headerTableSize !== 4096) {
      this.decoder.setMaxTableSize(this.tuning.headerTableSize)
    }
    if (window >= 0) this.receiving.acknowledged(window, this.#streams.values())
    return true
  }

  pingArrived(bytes: Buffer, start: number): void {
    this.sender.ping(bytes, start, true)
    this.#checkOutput()
    this.#notify.ping()
  }

  goawayArrived(lastId: number, code: number, debug: Buffer): void {
    if (this.#lastId >= 0 && lastId > this.#lastId) {
      return this.fail(PROTOCOL_ERROR, 'GOAWAY takes back what it said')
    }
    const before = this.slots
    this.#lastId = lastId
    this.draining = true
    if (!this.isServer) {
      // The list is copied: closing a stream changes the map, and its user may do anything.
      for (const stream of Array.from(this.#streams.values())) {
        if (stream.id > lastId && !stream.closed) {
          this.#close(stream, REFUSED_STREAM, 'unprocessed', RESET_BY_PEER)
        }
      }
    }
    this.#notify.goaway(code, lastId, debug)
    if (before > 0) this.#notify.slots()
    this.#finishIfDrained()
  }

  // Ends.

  #closeIfDone(stream: StreamState): void {
    if (stream.localEnded && stream.remoteEnded && !stream.closed) {
      this.#close(stream, NO_ERROR, 'done', ENDED)
    }
  }

  #close(stream: StreamState, code: number, how: StreamEnd, remembered: number): void {
    if (stream.closed) return
    const full = this.slotsGone.count > 0
    stream.closed = true
    this.#streams.delete(stream.id)
    this.closedStreams.remember(stream.id, remembered)
    this.sender.forget(stream)
    this.receiving.release(stream)
    if (stream.handler === nobody) this.#endedInside = { code, how }
    else this.#notify.closed(stream, code, how)
    if (full) this.#slotsBack()
    if (this.draining) this.#finishIfDrained()
  }

  /** The connection is over; the rest of the output may still be written. */
  #finish(code: number, reason: string): void {
    this.open = false
    this.draining = true
    this.#reader.stop()
    for (const stream of Array.from(this.#streams.values())) {
      const unsent = !this.isServer && stream.startsAt >= this.#sentTo
      if (unsent) this.#close(stream, REFUSED_STREAM, 'unprocessed', RESET_BY_US)
      else this.#close(stream, code, 'lost', RESET_BY_US)
    }
    this.receiving.close()
    this.#notify.connectionClosed(code, reason)
    this.wake()
  }
}
