import type { TidemillError } from '@tidemill/core'
import type { Http2Connection } from '../connection.ts'
import { http2Errors } from '../errors.ts'
import { type HeaderKind, headersFault, headerValue } from '../hpack/header-check.ts'
import type { HeaderList } from '../header-list.ts'
import type { PeerSettings } from '../settings.ts'
import {
  ENABLE_CONNECT_PROTOCOL,
  ENABLE_PUSH,
  HEADER_TABLE_SIZE,
  INITIAL_WINDOW_SIZE,
  MAX_CONCURRENT_STREAMS,
  MAX_FRAME_SIZE,
  MAX_HEADER_LIST_SIZE,
} from './settings-codec.ts'
import { minFrameSize } from './frame.ts'
import type { Tuning } from './tuning.ts'

/** Frozen lists that were found well formed: a constant of the program is checked once. */
const checkedLists = new WeakSet<HeaderList>()

/** Throws TM_HTTP2_HEADERS for a list that must not be sent, or that the peer has said it does not take. */
export function checkOutgoing(list: HeaderList, kind: HeaderKind, peer: PeerSettings): void {
  if (!checkedLists.has(list)) {
    const reason = headersFault(list, kind)
    if (reason !== undefined) throw http2Errors.error('TM_HTTP2_HEADERS', { reason })
    if (Object.isFrozen(list)) checkedLists.add(list)
  }
  const most = peer.maxHeaderListSize
  if (most < 0xffffffff) {
    let size = 0
    for (let i = 0; i < list.length; i++) size += (list[i] as string).length + 16
    if (size > most) {
      const reason = `${size} bytes, the peer takes ${most}`
      throw http2Errors.error('TM_HTTP2_HEADERS', { reason })
    }
  }
  if (kind === 'request' && !peer.enableConnectProtocol) {
    if (headerValue(list, ':protocol') === undefined) return
    const reason = 'the peer has not allowed extended CONNECT'
    throw http2Errors.error('TM_HTTP2_HEADERS', { reason })
  }
}

/** Our first SETTINGS, as `[id, value, ...]`: what differs from the RFC's initial values. */
export function firstSettings(isServer: boolean, tuning: Tuning, window: number): number[] {
  const pairs = [INITIAL_WINDOW_SIZE, window, MAX_HEADER_LIST_SIZE, tuning.maxHeaderListSize]
  if (tuning.headerTableSize !== 4096) pairs.push(HEADER_TABLE_SIZE, tuning.headerTableSize)
  if (tuning.maxFrameSize !== minFrameSize) pairs.push(MAX_FRAME_SIZE, tuning.maxFrameSize)
  if (isServer) pairs.push(MAX_CONCURRENT_STREAMS, tuning.maxConcurrentStreams)
  else pairs.push(ENABLE_PUSH, 0)
  if (isServer && tuning.enableConnectProtocol) pairs.push(ENABLE_CONNECT_PROTOCOL, 1)
  return pairs
}

/** The error of a request that cannot begin. */
export function noSlot(connection: Http2Connection): TidemillError {
  const reason =
    connection.role === 'server'
      ? 'a server makes no requests'
      : !connection.open
        ? 'it is closed'
        : connection.draining
          ? 'it is draining'
          : 'as many streams as the peer takes are open'
  return http2Errors.error('TM_HTTP2_NO_SLOT', { reason })
}
