import { type Clock, WriteSlab } from '@tidemill/core'
import { BlockedTime } from '../flow/blocked-time.ts'
import { HpackEncoder } from '../hpack/encoder.ts'
import type { HeaderList } from '../header-list.ts'
import {
  clientPreface,
  CONTINUATION,
  DATA,
  defaultWindow,
  END_HEADERS,
  END_STREAM,
  frameHeaderBytes,
  GOAWAY,
  HEADERS,
  maxInt31,
  minFrameSize,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
  writeFrameHeader,
  writeUint32,
} from './frame.ts'
import type { Progress } from './meter.ts'
import { writeSettings } from './settings-codec.ts'
import type { StreamState } from './stream-state.ts'

/** From here on the slab keeps a reference instead of a copy. */
const referenceBytes = 16 * 1024
/** DATA is written into the slab up to here; the rest waits in its stream until the socket took that. */
const outputBytes = 256 * 1024
/** A larger frame would keep other streams waiting for too long, whatever the peer allows. */
const largestFrame = 64 * 1024

/** A frame below this that uses up a window does not count as work done. */
const sliverBytes = 512

/** What the sender tells the machine. */
export interface SenderEvents {
  /** END_STREAM has been written. */
  sentEnd(stream: StreamState): void
  writable(stream: StreamState): void
}

/**
 * Writes frames: control frames and headers at once, data as the windows and the socket allow. Streams that have data
 * and a window of their own take turns, a frame each, whenever the connection's window or the output has room.
 */
export class Sender {
  readonly output: WriteSlab = new WriteSlab()
  readonly encoder: HpackEncoder = new HpackEncoder()
  /** What the peer lets us send on the connection. */
  window: number = defaultWindow
  /** Bytes of control frames written since the output was last empty. */
  controlBytes = 0
  /** Bytes of data sent, without frame headers. */
  dataBytes = 0
  /** Runs while a stream has data and no window of its own; while one has its own and the connection has none. */
  readonly streamBlocked: BlockedTime
  readonly connectionBlocked: BlockedTime
  #maxFrameSize: number = minFrameSize
  readonly #events: SenderEvents
  readonly #progress: Progress
  readonly #highWater: number
  #firstReady: StreamState | undefined = undefined
  #lastReady: StreamState | undefined = undefined

  constructor(events: SenderEvents, progress: Progress, clock: Clock, highWater: number) {
    this.#events = events
    this.#progress = progress
    this.streamBlocked = new BlockedTime(clock)
    this.connectionBlocked = new BlockedTime(clock)
    this.#highWater = highWater
  }

  setMaxFrameSize(bytes: number): void {
    this.#maxFrameSize = Math.min(bytes, largestFrame)
  }

  preface(): void {
    this.output.append(clientPreface)
  }

  settings(pairs: readonly number[]): void {
    const length = pairs.length * 3
    const at = this.#control(length, SETTINGS, 0, 0)
    this.output.commit(writeSettings(this.output.buffer, at, pairs))
  }

  settingsAck(): void {
    this.output.commit(this.#control(0, SETTINGS, 1, 0))
  }

  ping(payload: Uint8Array, start: number, ack: boolean): void {
    const at = this.#control(8, PING, ack ? 1 : 0, 0)
    const { buffer } = this.output
    for (let i = 0; i < 8; i++) buffer[at + i] = payload[start + i] as number
    this.output.commit(at + 8)
  }

  reset(id: number, code: number): void {
    const at = this.#control(4, RST_STREAM, 0, id)
    writeUint32(this.output.buffer, code, at)
    this.output.commit(at + 4)
  }

  windowUpdate(id: number, increment: number): void {
    const at = this.#control(4, WINDOW_UPDATE, 0, id)
    writeUint32(this.output.buffer, increment, at)
    this.output.commit(at + 4)
  }

  goaway(lastId: number, code: number, debug: string): void {
    const text = Buffer.from(debug.slice(0, 512), 'utf8')
    const at = this.#control(8 + text.length, GOAWAY, 0, 0)
    const { buffer } = this.output
    writeUint32(buffer, lastId, at)
    writeUint32(buffer, code, at + 4)
    text.copy(buffer, at + 8)
    this.output.commit(at + 8 + text.length)
  }

  /** Reserves a control frame, writes its header and returns where the payload goes; the caller commits. */
  #control(length: number, type: number, flags: number, id: number): number {
    const { output } = this
    if (output.pending === 0) this.controlBytes = 0
    this.controlBytes += frameHeaderBytes + length
    const at = output.reserve(frameHeaderBytes + length)
    writeFrameHeader(output.buffer, at, length, type, flags, id)
    return at + frameHeaderBytes
  }

  /** Writes a header block as HEADERS and, where the peer's frame size demands it, CONTINUATION. */
  headers(id: number, list: HeaderList, end: boolean): void {
    const { output } = this
    this.#progress.frames++
    const most = this.encoder.bound(list)
    const at = output.reserve(frameHeaderBytes + most)
    const from = at + frameHeaderBytes
    const to = this.encoder.encode(list, output.buffer, from)
    const flags = end ? END_STREAM : 0
    if (to - from <= this.#maxFrameSize) {
      writeFrameHeader(output.buffer, at, to - from, HEADERS, flags | END_HEADERS, id)
      output.commit(to)
      return
    }
    // Rare: the block is copied, because each part needs a header of its own before it.
    const block = Buffer.from(output.buffer.subarray(from, to))
    for (let start = 0; start < block.length; start += this.#maxFrameSize) {
      const part = block.subarray(start, start + this.#maxFrameSize)
      const last = start + part.length === block.length
      const frame = output.reserve(frameHeaderBytes + part.length)
      const type = start === 0 ? HEADERS : CONTINUATION
      const partFlags = (start === 0 ? flags : 0) | (last ? END_HEADERS : 0)
      writeFrameHeader(output.buffer, frame, part.length, type, partFlags, id)
      output.buffer.set(part, frame + frameHeaderBytes)
      output.commit(frame + frameHeaderBytes + part.length)
    }
  }

  /** Sends what can be sent and keeps the rest; the caller has checked the stream's state. False: over the high-water mark. */
  data(stream: StreamState, bytes: Uint8Array, end: boolean): boolean {
    if (end) stream.endAsked = true
    const size = bytes.length
    if (stream.bufferedBytes > 0) {
      this.#enqueue(stream, bytes, 0)
      return this.#mayContinue(stream)
    }
    if (size === 0) {
      if (end) {
        this.#frame(stream, bytes, 0, 0, true)
        this.#events.sentEnd(stream)
      }
      return true
    }
    let sent = 0
    if (this.#firstReady === undefined) {
      while (sent < size && this.output.pending < outputBytes) {
        const room = Math.min(stream.sendWindow, this.window, this.#maxFrameSize, size - sent)
        if (room <= 0) break
        this.#frame(stream, bytes, sent, room, end && sent + room === size)
        sent += room
      }
      if (sent === size) {
        if (end) this.#events.sentEnd(stream)
        return true
      }
    }
    this.#enqueue(stream, bytes, sent)
    this.#wait(stream)
    return this.#mayContinue(stream)
  }

  /** Trailers end the stream; they wait behind its data. */
  trailers(stream: StreamState, list: HeaderList): void {
    stream.endAsked = true
    if (stream.bufferedBytes > 0) {
      stream.trailersWaiting = list
      return
    }
    this.headers(stream.id, list, true)
    this.#events.sentEnd(stream)
  }

  #mayContinue(stream: StreamState): boolean {
    if (stream.bufferedBytes <= this.#highWater) return true
    stream.wantsWritable = true
    return false
  }

  #enqueue(stream: StreamState, bytes: Uint8Array, from: number): void {
    if (bytes.length === from) return
    if (stream.bufferedBytes === 0) {
      stream.queue = []
      stream.queueHead = 0
      stream.queueOffset = 0
    }
    // The caller may use small buffers again, large ones are referenced (see Http2Stream.data).
    const rest = bytes.subarray(from)
    stream.queue.push(bytes.length < referenceBytes ? Buffer.from(rest) : rest)
    stream.bufferedBytes += bytes.length - from
  }

  /** A stream with data to send waits: for its own window, or in the ring for its turn. */
  #wait(stream: StreamState): void {
    if (stream.ready) return
    if (stream.sendWindow <= 0) {
      if (!stream.blocked) this.streamBlocked.enter()
      stream.blocked = true
      return
    }
    this.#unblock(stream)
    stream.ready = true
    stream.nextReady = undefined
    if (this.#lastReady === undefined) this.#firstReady = stream
    else this.#lastReady.nextReady = stream
    this.#lastReady = stream
    this.#noteConnection()
  }

  /** The stream's own window has changed. */
  windowChanged(stream: StreamState): void {
    if (stream.bufferedBytes > 0 && stream.sendWindow > 0) this.#wait(stream)
  }

  /** False when the increment overflows the window (RFC 9113 6.9.1). */
  grow(increment: number): boolean {
    if (this.window + increment > maxInt31) return false
    this.window += increment
    if (this.window > 0 && this.connectionBlocked.count > 0) this.connectionBlocked.leave()
    return true
  }

  #unblock(stream: StreamState): void {
    if (stream.blocked) this.streamBlocked.leave()
    stream.blocked = false
  }

  #noteConnection(): void {
    if (this.window <= 0 && this.connectionBlocked.count === 0) this.connectionBlocked.enter()
  }

  /** Drops what a stream still had to send. */
  forget(stream: StreamState): void {
    stream.bufferedBytes = 0
    stream.queue = []
    stream.queueHead = 0
    stream.trailersWaiting = undefined
    stream.wantsWritable = false
    this.#unblock(stream)
    // It leaves the ring when its turn comes: unlinking would need the one before it.
  }

  /** Streams take turns until the window, the output or the data is used up. */
  pump(): void {
    if (this.output.pending === 0) this.controlBytes = 0
    while (this.#firstReady !== undefined && this.output.pending < outputBytes) {
      if (this.window <= 0 && this.#firstReady.bufferedBytes > 0) {
        this.#noteConnection()
        return
      }
      const stream: StreamState = this.#firstReady
      this.#firstReady = stream.nextReady
      if (this.#firstReady === undefined) this.#lastReady = undefined
      stream.ready = false
      stream.nextReady = undefined
      if (stream.bufferedBytes === 0) continue
      if (stream.sendWindow > 0) this.#turn(stream)
      if (stream.bufferedBytes > 0) this.#wait(stream)
      else this.#queueEmptied(stream)
      if (stream.wantsWritable && stream.bufferedBytes <= this.#highWater / 2) {
        stream.wantsWritable = false
        if (!stream.closed) this.#events.writable(stream)
      }
    }
  }

  #queueEmptied(stream: StreamState): void {
    stream.queue = []
    const { trailersWaiting } = stream
    if (trailersWaiting !== undefined) {
      stream.trailersWaiting = undefined
      this.headers(stream.id, trailersWaiting, true)
    }
    if (stream.endAsked && !stream.localEnded) this.#events.sentEnd(stream)
  }

  /** One frame of a stream's waiting data, small pieces joined. */
  #turn(stream: StreamState): void {
    const waiting = stream.bufferedBytes
    const length = Math.min(waiting, stream.sendWindow, this.window, this.#maxFrameSize)
    const end = length === waiting && stream.endAsked && stream.trailersWaiting === undefined
    const head = stream.queue[stream.queueHead] as Uint8Array
    if (head.length - stream.queueOffset >= length) {
      this.#frame(stream, head, stream.queueOffset, length, end)
      this.#advance(stream, head, length)
      return
    }
    const at = this.output.reserve(frameHeaderBytes + length)
    const { buffer } = this.output
    writeFrameHeader(buffer, at, length, DATA, end ? END_STREAM : 0, stream.id)
    let to = at + frameHeaderBytes
    const finish = to + length
    while (to < finish) {
      const piece = stream.queue[stream.queueHead] as Uint8Array
      const take = Math.min(piece.length - stream.queueOffset, finish - to)
      buffer.set(piece.subarray(stream.queueOffset, stream.queueOffset + take), to)
      this.#advance(stream, piece, take)
      to += take
    }
    this.output.commit(finish)
    this.#spend(stream, length)
  }

  #advance(stream: StreamState, head: Uint8Array, bytes: number): void {
    stream.queueOffset += bytes
    stream.bufferedBytes -= bytes
    if (stream.queueOffset < head.length) return
    // The slot is emptied so that the bytes can be collected before the whole queue is.
    stream.queue[stream.queueHead] = head.subarray(0, 0)
    stream.queueHead++
    stream.queueOffset = 0
    if (stream.queueHead === 1024) {
      stream.queue.splice(0, 1024)
      stream.queueHead = 0
    }
  }

  #spend(stream: StreamState, length: number): void {
    stream.sendWindow -= length
    this.window -= length
    this.dataBytes += length
    // A sliver that a window cut off is the peer's way to keep us busy, not progress.
    if (length >= sliverBytes || (stream.sendWindow > 0 && this.window > 0)) this.#progress.frames++
  }

  /** A DATA frame of one run of bytes. */
  #frame(stream: StreamState, bytes: Uint8Array, from: number, length: number, end: boolean): void {
    const { output } = this
    const copied = length < referenceBytes
    const at = output.reserve(frameHeaderBytes + (copied ? length : 0))
    writeFrameHeader(output.buffer, at, length, DATA, end ? END_STREAM : 0, stream.id)
    const body = at + frameHeaderBytes
    if (copied) {
      if (length > 0) {
        const whole = from === 0 && length === bytes.length
        output.buffer.set(whole ? bytes : bytes.subarray(from, from + length), body)
      }
      output.commit(body + length)
    } else {
      output.commit(body)
      output.append(bytes.subarray(from, from + length))
    }
    this.#spend(stream, length)
  }
}
