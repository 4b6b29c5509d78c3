import {
  COMPRESSION_ERROR,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  NO_ERROR,
  PROTOCOL_ERROR,
  STREAM_CLOSED,
} from '../error-code.ts'
import { BlockBuffer } from './block-buffer.ts'
import { COMPRESSION_FAILED, LIST_ABUSE, LIST_TOO_LARGE } from '../hpack/header-block.ts'
import { ENDED, FORGOTTEN, RESET_BY_US } from './closed-streams.ts'
import {
  ACK,
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HAS_PRIORITY,
  HEADERS,
  PADDED,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  readUint32,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from './frame.ts'
import type { FrameSink } from './frame-reader.ts'
import type { Machine } from './machine.ts'
import type { StreamState } from './stream-state.ts'

/** Judges each frame by RFC 9113 5.1 and 6 and tells the machine what it means. */
export class Receiver implements FrameSink {
  readonly #machine: Machine
  /** Header block whose CONTINUATION frames are still to come. */
  readonly #block: BlockBuffer
  #blockId = 0
  #blockFlags = 0
  #blockError = NO_ERROR
  /** Until the peer's first SETTINGS nothing else may come. */
  #settled = false
  /** Stream of the DATA frame being read; undefined when its data is to be ignored. */
  #dataStream: StreamState | undefined = undefined
  #dataEnds = false
  #dataPadding = 0

  constructor(machine: Machine) {
    this.#machine = machine
    this.#block = new BlockBuffer(machine.tuning.limits)
  }

  malformed(code: number, reason: string): void {
    this.#machine.fail(code, reason)
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (this.#blockId !== 0 && (type !== CONTINUATION || id !== this.#blockId)) {
      return this.malformed(PROTOCOL_ERROR, 'a header block was interrupted')
    }
    if (!this.#settled && type !== SETTINGS) return this.#unsettled()
    switch (type) {
      case HEADERS:
        return this.#headers(flags, id, bytes, start, end)
      case CONTINUATION:
        return this.#continuation(flags, id, bytes, start, end)
      case WINDOW_UPDATE:
        return this.#windowUpdate(id, bytes, start, end)
      case RST_STREAM:
        return this.#rstStream(id, bytes, start, end)
      case SETTINGS:
        return this.#settings(flags, id, bytes, start, end)
      case PING:
        return this.#ping(flags, id, bytes, start, end)
      case GOAWAY:
        return this.#goaway(id, bytes, start, end)
      case PRIORITY:
        return this.#priority(id, bytes, start, end)
      case PUSH_PROMISE:
        return this.malformed(PROTOCOL_ERROR, 'PUSH_PROMISE, which was not allowed')
      default:
        if (this.#machine.meters.priorities.hit()) this.#calm('too many unknown frames')
    }
  }

  #unsettled(): void {
    this.malformed(PROTOCOL_ERROR, 'the first frame is not SETTINGS')
  }

  #calm(reason: string): void {
    this.#machine.fail(ENHANCE_YOUR_CALM, reason)
  }

  dataBegins(flags: number, id: number, length: number, padding: number): void {
    const machine = this.#machine
    this.#dataStream = undefined
    if (this.#blockId !== 0) return this.malformed(PROTOCOL_ERROR, 'a header block was interrupted')
    if (!this.#settled) return this.#unsettled()
    if (id === 0) return this.malformed(PROTOCOL_ERROR, 'DATA on stream 0')
    if (!machine.receiving.arrives(length)) {
      return this.malformed(FLOW_CONTROL_ERROR, 'more data than the connection window')
    }
    machine.receiving.dataBytes += length - padding
    const stream = machine.find(id)
    if (stream === undefined) {
      machine.receiving.dropped(length)
      return this.#dataOnClosed(id)
    }
    const error = this.#dataFault(stream, flags, length - padding)
    if (error !== NO_ERROR) {
      machine.receiving.dropped(length)
      return machine.offence(id, error)
    }
    if (!stream.window.received(length)) {
      machine.receiving.dropped(length)
      return machine.offence(id, FLOW_CONTROL_ERROR)
    }
    if (length === padding && (flags & END_STREAM) === 0 && machine.meters.emptyData.hit()) {
      return this.#calm('too many empty DATA frames')
    }
    machine.progress.frames++
    stream.receivedLength += length - padding
    this.#dataStream = stream
    this.#dataEnds = (flags & END_STREAM) !== 0
    this.#dataPadding = padding
  }

  /** What is wrong with DATA on an open stream; the windows are another matter. */
  #dataFault(stream: StreamState, flags: number, data: number): number {
    if (stream.remoteEnded) return STREAM_CLOSED
    if (!stream.headersReceived) return PROTOCOL_ERROR
    if (stream.expectedLength < 0) return NO_ERROR
    const received = stream.receivedLength + data
    const short = (flags & END_STREAM) !== 0 && received < stream.expectedLength
    return received > stream.expectedLength || short ? PROTOCOL_ERROR : NO_ERROR
  }

  dataPart(bytes: Buffer, start: number, end: number, last: boolean): void {
    const stream = this.#dataStream
    if (stream === undefined || stream.closed) return
    const machine = this.#machine
    const length = end - start
    const ends = last && this.#dataEnds
    stream.unconsumedBytes += length
    if (last && this.#dataPadding > 0) {
      machine.receiving.read(stream, this.#dataPadding)
    }
    if (length > 0 || ends) machine.deliverData(stream, bytes.subarray(start, end), ends)
  }

  /** DATA for a stream that is not open; the connection's credit is given back all the same. */
  #dataOnClosed(id: number): void {
    const machine = this.#machine
    if (machine.isIdle(id)) return this.malformed(PROTOCOL_ERROR, 'DATA on an idle stream')
    if (this.#isLate(id)) return
    const how = machine.closedStreams.how(id)
    if (how === ENDED) return this.malformed(STREAM_CLOSED, 'DATA after the end of its stream')
    machine.offence(id, STREAM_CLOSED)
  }

  /**
   * Whether a frame was on its way when we reset its stream or took no more streams: it is ignored, but not without
   * end. A client has forgotten some of the streams that it reset, and every id below the next one was a request.
   */
  #isLate(id: number): boolean {
    const machine = this.#machine
    const how = machine.closedStreams.how(id)
    const reset = how === RESET_BY_US || (how === FORGOTTEN && !machine.isServer)
    if (!reset && !machine.ignores(id)) return false
    if (machine.meters.lateFrames.hit()) this.#calm('too many frames for streams that are over')
    return true
  }

  #headers(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) return this.malformed(PROTOCOL_ERROR, 'HEADERS on stream 0')
    let from = start
    let to = end
    let error = NO_ERROR
    if ((flags & PADDED) !== 0) {
      if (from === to) return this.malformed(FRAME_SIZE_ERROR, 'HEADERS without a pad length')
      const padding = bytes[from] as number
      from++
      to -= padding
    }
    if ((flags & HAS_PRIORITY) !== 0) {
      if (end - from < 5) return this.malformed(FRAME_SIZE_ERROR, 'HEADERS without its priority')
      if ((readUint32(bytes, from) & 0x7fffffff) === id) error = PROTOCOL_ERROR
      from += 5
    }
    if (to < from) return this.malformed(PROTOCOL_ERROR, 'padding as long as the frame')
    if ((flags & END_HEADERS) !== 0) return this.#whole(id, flags, error, bytes, from, to)
    this.#blockId = id
    this.#blockFlags = flags
    this.#blockError = error
    this.#gather(bytes, from, to)
  }

  #continuation(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (this.#blockId === 0) {
      return this.malformed(PROTOCOL_ERROR, 'CONTINUATION without a header block')
    }
    if (!this.#gather(bytes, start, end) || (flags & END_HEADERS) === 0) return
    this.#blockId = 0
    const block = this.#block.take()
    this.#whole(id, this.#blockFlags, this.#blockError, block, 0, block.length)
  }

  #gather(bytes: Buffer, start: number, end: number): boolean {
    if (this.#block.add(bytes, start, end)) return true
    this.#machine.meters.continuationFloods++
    this.#calm('a header block without end')
    return false
  }

  /** A header block is complete; it is decoded whatever becomes of it, because it may change the HPACK table. */
  #whole(id: number, flags: number, error: number, bytes: Buffer, from: number, to: number): void {
    const machine = this.#machine
    const block = machine.decoder.decode(bytes, from, to)
    if (block.verdict === COMPRESSION_FAILED) {
      return this.malformed(COMPRESSION_ERROR, block.reason)
    }
    if (block.verdict === LIST_ABUSE) {
      machine.meters.largeHeaderLists.hit()
      return this.#calm(block.reason)
    }
    if (block.verdict === LIST_TOO_LARGE && machine.meters.largeHeaderLists.hit()) {
      return this.#calm('too many large header lists')
    }
    const ends = (flags & END_STREAM) !== 0
    const stream = machine.find(id)
    if (stream === undefined) {
      if (
        machine.isServer &&
        (id & 1) === 1 &&
        id > machine.highestPeerId &&
        !machine.ignores(id)
      ) {
        machine.progress.frames++
        return machine.opened(id, block, ends, error)
      }
      return this.#headersOnClosed(id)
    }
    machine.progress.frames++
    if (stream.remoteEnded) return machine.offence(id, STREAM_CLOSED)
    if (error !== NO_ERROR) return machine.offence(id, error)
    if (stream.headersReceived) return machine.trailersArrived(stream, block, ends)
    machine.responseArrived(stream, block, ends)
  }

  #headersOnClosed(id: number): void {
    const machine = this.#machine
    // An even id is a push, which nobody allowed; an odd one a client never used is no better.
    if (machine.isIdle(id)) return this.malformed(PROTOCOL_ERROR, 'HEADERS on an idle stream')
    if (this.#isLate(id)) return
    const how = machine.closedStreams.how(id)
    if (how === ENDED) return this.malformed(STREAM_CLOSED, 'HEADERS after the end of their stream')
    if (how === FORGOTTEN) return this.malformed(PROTOCOL_ERROR, 'a stream id below the last one')
    machine.offence(id, STREAM_CLOSED)
  }

  #windowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) return this.malformed(FRAME_SIZE_ERROR, 'WINDOW_UPDATE of another size')
    const machine = this.#machine
    const increment = readUint32(bytes, start) & 0x7fffffff
    if (machine.meters.windowUpdates.hit()) return this.#calm('too many WINDOW_UPDATE frames')
    if (id === 0) {
      if (increment === 0) return this.malformed(PROTOCOL_ERROR, 'a window increment of 0')
      if (!machine.sender.grow(increment)) {
        return this.malformed(FLOW_CONTROL_ERROR, 'the connection window overflows')
      }
      return machine.sender.pump()
    }
    const stream = machine.find(id)
    if (stream === undefined) {
      if (machine.isIdle(id)) this.malformed(PROTOCOL_ERROR, 'WINDOW_UPDATE on an idle stream')
      return
    }
    if (increment === 0) return machine.offence(id, PROTOCOL_ERROR)
    if (stream.sendWindow + increment > 0x7fffffff) return machine.offence(id, FLOW_CONTROL_ERROR)
    stream.sendWindow += increment
    machine.sender.windowChanged(stream)
    machine.sender.pump()
  }

  #rstStream(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) return this.malformed(FRAME_SIZE_ERROR, 'RST_STREAM of another size')
    if (id === 0) return this.malformed(PROTOCOL_ERROR, 'RST_STREAM on stream 0')
    const machine = this.#machine
    if (machine.isIdle(id)) return this.malformed(PROTOCOL_ERROR, 'RST_STREAM on an idle stream')
    if (machine.isCheap(id) && machine.meters.resets.hit()) return this.#calm('too many resets')
    machine.resetByPeer(id, readUint32(bytes, start))
  }

  #settings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const machine = this.#machine
    if (id !== 0) return this.malformed(PROTOCOL_ERROR, 'SETTINGS on a stream')
    if ((flags & ACK) !== 0) {
      if (end > start) return this.malformed(FRAME_SIZE_ERROR, 'a SETTINGS answer with a payload')
      if (!this.#settled) return this.#unsettled()
      if (!machine.settingsAcked()) this.malformed(PROTOCOL_ERROR, 'an answer to no SETTINGS')
      return
    }
    if ((end - start) % 6 !== 0) return this.malformed(FRAME_SIZE_ERROR, 'SETTINGS of another size')
    if (machine.meters.settings.hit()) return this.#calm('too many SETTINGS frames')
    this.#settled = true
    machine.settingsArrived(bytes, start, end)
  }

  #ping(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) return this.malformed(PROTOCOL_ERROR, 'PING on a stream')
    if (end - start !== 8) return this.malformed(FRAME_SIZE_ERROR, 'PING of another size')
    const machine = this.#machine
    if ((flags & ACK) !== 0 && machine.pings.answered(bytes, start)) return
    if (machine.meters.pings.hit()) return this.#calm('too many PING frames')
    if ((flags & ACK) === 0) machine.pingArrived(bytes, start)
  }

  #goaway(id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) return this.malformed(PROTOCOL_ERROR, 'GOAWAY on a stream')
    if (end - start < 8) return this.malformed(FRAME_SIZE_ERROR, 'GOAWAY of another size')
    if (this.#machine.meters.settings.hit()) return this.#calm('too many GOAWAY frames')
    const lastId = readUint32(bytes, start) & 0x7fffffff
    const code = readUint32(bytes, start + 4)
    this.#machine.goawayArrived(lastId, code, bytes.subarray(start + 8, end))
  }

  /** Priorities are read only to be judged (RFC 9113 5.3.2). */
  #priority(id: number, bytes: Buffer, start: number, end: number): void {
    const machine = this.#machine
    if (id === 0) return this.malformed(PROTOCOL_ERROR, 'PRIORITY on stream 0')
    if (machine.meters.priorities.hit()) return this.#calm('too many PRIORITY frames')
    let error = NO_ERROR
    if (end - start !== 5) error = FRAME_SIZE_ERROR
    else if ((readUint32(bytes, start) & 0x7fffffff) === id) error = PROTOCOL_ERROR
    if (error === NO_ERROR) return
    // RST_STREAM is not for idle streams (RFC 9113 6.4): there the error is the connection's.
    if (machine.isIdle(id)) return this.malformed(error, 'a wrong PRIORITY frame')
    machine.offence(id, error)
  }
}
