import { isForbiddenTrailer, isHopByHop } from '@tidemill/http1'
import type { ClientRequest } from './client-request.ts'

const none: readonly string[] = []

/**
 * The upstream's end-to-end fields as they go to the client, each Set-Cookie in its own place. The length is said by the
 * client's side, except where it stands for a body that is not sent (HEAD, 304).
 */
export function responseFields(
  headers: readonly string[],
  request: ClientRequest,
  status: number,
): string[] {
  const list: string[] = []
  const described = status === 304 || request.method === 'HEAD'
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string
    switch (name.length) {
      case 7:
        if (name === 'alt-svc') continue
        if (name === 'trailer' && !takesTrailers(request)) continue
        break
      case 14:
        if (name === 'content-length' && !described) continue
        break
    }
    list.push(name, headers[i + 1] as string)
  }
  return list
}

/** Whether the client can be sent trailers: HTTP/2, or a client of HTTP/1.1 that said so (RFC 9110 6.5.1). */
export function takesTrailers(request: ClientRequest): boolean {
  return request.version === 20 || (request.version === 11 && request.acceptsTrailers)
}

/** Trailers without what steers a message and has no place among them (RFC 9110 6.5.1). */
export function passableTrailers(trailers: readonly string[]): readonly string[] {
  if (trailers.length === 0) return none
  let passable = true
  for (let i = 0; i + 1 < trailers.length && passable; i += 2)
    passable = isPassable(trailers[i] as string)
  if (passable) return trailers
  const list: string[] = []
  for (let i = 0; i + 1 < trailers.length; i += 2) {
    const name = trailers[i] as string
    if (isPassable(name)) list.push(name, trailers[i + 1] as string)
  }
  return list
}

function isPassable(name: string): boolean {
  return !isForbiddenTrailer(name) && !isHopByHop(name)
}

/** The fields of an interim response; it has no content to frame. */
export function interimFields(headers: readonly string[]): readonly string[] {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string
    if (name !== 'content-length' && !isHopByHop(name)) continue
    const list: string[] = []
    for (let j = 0; j + 1 < headers.length; j += 2) {
      const other = headers[j] as string
      if (other !== 'content-length' && !isHopByHop(other))
        list.push(other, headers[j + 1] as string)
    }
    return list
  }
  return headers
}
