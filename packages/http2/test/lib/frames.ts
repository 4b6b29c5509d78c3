import { HpackDecoder } from '../../src/hpack/decoder.ts'
import { HpackEncoder } from '../../src/hpack/encoder.ts'
import * as frames from '../../src/internal/frame.ts'
import type { HeaderList } from '@tidemill/http2'

export { frames }

/** One frame as bytes. */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Uint8Array | number[] = [],
): Buffer {
  const bytes = Buffer.alloc(9 + payload.length)
  frames.writeFrameHeader(bytes, 0, payload.length, type, flags, id)
  bytes.set(payload, 9)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** A SETTINGS frame of `[id, value, ...]`. */
export function settings(...pairs: number[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 3)
  for (let i = 0; i < pairs.length; i += 2) {
    payload.writeUInt16BE(pairs[i] as number, i * 3)
    payload.writeUInt32BE(pairs[i + 1] as number, i * 3 + 2)
  }
  return frame(frames.SETTINGS, 0, 0, payload)
}

export function data(id: number, body: string | Uint8Array, end = false): Buffer {
  return frame(frames.DATA, end ? 1 : 0, id, Buffer.from(body))
}

export function rst(id: number, code: number): Buffer {
  return frame(frames.RST_STREAM, 0, id, uint32(code))
}

export function windowUpdate(id: number, increment: number): Buffer {
  return frame(frames.WINDOW_UPDATE, 0, id, uint32(increment))
}

export function ping(text = 'pingpong', ack = false): Buffer {
  return frame(frames.PING, ack ? 1 : 0, 0, Buffer.from(text, 'latin1'))
}

export function goaway(lastId: number, code: number, debug = ''): Buffer {
  const payload = Buffer.concat([uint32(lastId), uint32(code), Buffer.from(debug)])
  return frame(frames.GOAWAY, 0, 0, payload)
}

export const get: HeaderList = [
  ':method',
  'GET',
  ':scheme',
  'http',
  ':path',
  '/',
  ':authority',
  'a',
]
export const post: HeaderList = [
  ':method',
  'POST',
  ':scheme',
  'http',
  ':path',
  '/',
  ':authority',
  'a',
]

/** Writes header frames of one direction of a connection, with its HPACK state. */
export class HeaderWriter {
  readonly encoder: HpackEncoder = new HpackEncoder()

  block(list: HeaderList): Buffer {
    const bytes = Buffer.alloc(this.encoder.bound(list))
    return bytes.subarray(0, this.encoder.encode(list, bytes, 0))
  }

  headers(id: number, list: HeaderList, end = false): Buffer {
    return frame(frames.HEADERS, frames.END_HEADERS | (end ? 1 : 0), id, this.block(list))
  }
}

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly id: number
  readonly payload: Buffer
}

/** Whole frames of one direction, for what a connection has written. */
export function readFrames(bytes: Buffer): Frame[] {
  const list: Frame[] = []
  const preface = frames.clientPreface
  let at = bytes.subarray(0, preface.length).equals(preface) ? preface.length : 0
  while (at < bytes.length) {
    const length = bytes.readUIntBE(at, 3)
    const payload = bytes.subarray(at + 9, at + 9 + length)
    list.push({
      type: bytes[at + 3] as number,
      flags: bytes[at + 4] as number,
      id: bytes.readUInt32BE(at + 5),
      payload,
    })
    at += 9 + length
  }
  return list
}

/** Frames as short text: `RST_STREAM 1 code 8`. */
export function describe(list: readonly Frame[]): string[] {
  const names = [
    'DATA',
    'HEADERS',
    'PRIORITY',
    'RST_STREAM',
    'SETTINGS',
    'PUSH_PROMISE',
    'PING',
    'GOAWAY',
    'WINDOW_UPDATE',
    'CONTINUATION',
  ]
  return list.map(({ type, flags, id, payload }) => {
    const name = names[type] ?? `type ${type}`
    if (type === frames.RST_STREAM) return `${name} ${id} code ${payload.readUInt32BE(0)}`
    if (type === frames.GOAWAY) {
      return `${name} last ${payload.readUInt32BE(0)} code ${payload.readUInt32BE(4)}`
    }
    if (type === frames.WINDOW_UPDATE) return `${name} ${id} +${payload.readUInt32BE(0)}`
    if (type === frames.DATA)
      return `${name} ${id} ${payload.length}${(flags & 1) === 1 ? ' end' : ''}`
    if (type === frames.HEADERS) return `${name} ${id}${(flags & 1) === 1 ? ' end' : ''}`
    return `${name}${(flags & 1) === 1 ? ' ack' : ''}${id === 0 ? '' : ` ${id}`}`
  })
}

export { HpackDecoder }
