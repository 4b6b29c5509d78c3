import { FLOW_CONTROL_ERROR, NO_ERROR, PROTOCOL_ERROR } from '../error-code.ts'
import type { PeerSettings } from '../settings.ts'
import {
  defaultWindow,
  maxFrameSizeLimit,
  maxInt31,
  minFrameSize,
  readUint32,
  writeUint32,
} from './frame.ts'

/** Ids of SETTINGS, RFC 9113 6.5.2 and RFC 8441 3. */
export const HEADER_TABLE_SIZE = 0x1
export const ENABLE_PUSH = 0x2
export const MAX_CONCURRENT_STREAMS = 0x3
export const INITIAL_WINDOW_SIZE = 0x4
export const MAX_FRAME_SIZE = 0x5
export const MAX_HEADER_LIST_SIZE = 0x6
export const ENABLE_CONNECT_PROTOCOL = 0x8

const unlimited = 0xffffffff

/** The peer's settings as they stand. */
export class RemoteSettings implements PeerSettings {
  headerTableSize = 4096
  /** The smallest that the last SETTINGS named, or what still holds. */
  leastTableSize = 4096
  enablePush = true
  maxConcurrentStreams: number = unlimited
  initialWindowSize: number = defaultWindow
  maxFrameSize: number = minFrameSize
  maxHeaderListSize: number = unlimited
  enableConnectProtocol = false

  /**
   * Applies one parameter; of a list the later wins.
   * @returns NO_ERROR, or the code of the connection error that the value is.
   */
  apply(id: number, value: number, fromServer: boolean): number {
    switch (id) {
      case HEADER_TABLE_SIZE:
        this.headerTableSize = value
        this.leastTableSize = Math.min(this.leastTableSize, value)
        return NO_ERROR
      case ENABLE_PUSH:
        if (value > 1 || (fromServer && value === 1)) return PROTOCOL_ERROR
        this.enablePush = value === 1
        return NO_ERROR
      case MAX_CONCURRENT_STREAMS:
        this.maxConcurrentStreams = value
        return NO_ERROR
      case INITIAL_WINDOW_SIZE:
        if (value > maxInt31) return FLOW_CONTROL_ERROR
        this.initialWindowSize = value
        return NO_ERROR
      case MAX_FRAME_SIZE:
        if (value < minFrameSize || value > maxFrameSizeLimit) return PROTOCOL_ERROR
        this.maxFrameSize = value
        return NO_ERROR
      case MAX_HEADER_LIST_SIZE:
        this.maxHeaderListSize = value
        return NO_ERROR
      case ENABLE_CONNECT_PROTOCOL:
        // Once on it stays on, RFC 8441 3.
        if (value > 1 || (value === 0 && this.enableConnectProtocol)) return PROTOCOL_ERROR
        this.enableConnectProtocol = value === 1
        return NO_ERROR
      default:
        return NO_ERROR
    }
  }

  /** Applies a payload of whole parameters; stops at the first that is wrong. */
  applyAll(bytes: Uint8Array, start: number, end: number, fromServer: boolean): number {
    this.leastTableSize = unlimited
    for (let at = start; at < end; at += 6) {
      const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
      const code = this.apply(id, readUint32(bytes, at + 2), fromServer)
      if (code !== NO_ERROR) return code
    }
    this.leastTableSize = Math.min(this.leastTableSize, this.headerTableSize)
    return NO_ERROR
  }
}

/** Writes `[id, value, id, value, ...]` and returns where it ends. */
export function writeSettings(bytes: Uint8Array, at: number, pairs: readonly number[]): number {
  let end = at
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const id = pairs[i] as number
    bytes[end] = id >>> 8
    bytes[end + 1] = id
    writeUint32(bytes, pairs[i + 1] as number, end + 2)
    end += 6
  }
  return end
}
