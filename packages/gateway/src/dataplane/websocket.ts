import { createHash } from 'node:crypto'
import type { ClientRequest } from './client-request.ts'
import type { PlaneContext } from './plane-context.ts'

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The Sec-WebSocket-Accept that answers a key (RFC 6455 4.2.2). */
export function websocketAccept(key: string): string {
  return createHash('sha1')
    .update(key + guid)
    .digest('base64')
}

/** Why an HTTP/1.1 handshake is none; the version is for the upstream to judge. */
export function handshakeFault(request: ClientRequest): string | undefined {
  if (request.method !== 'GET') return 'a WebSocket handshake is a GET'
  // Base64 of 16 bytes.
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/u.test(request.websocketKey))
    return 'Sec-WebSocket-Key is not 16 bytes in base64'
  return undefined
}

/** HTTP/2 has no key (RFC 8441 5); an upstream of HTTP/1.1 needs one, and one of HTTP/2 is sent none by the cluster. */
export function addHandshake(list: string[], request: ClientRequest, plane: PlaneContext): void {
  if (request.websocketKey !== '') return
  const bytes = plane.random.bytes(new Uint8Array(16))
  request.websocketKey = Buffer.from(bytes).toString('base64')
  list.push('sec-websocket-key', request.websocketKey)
}
