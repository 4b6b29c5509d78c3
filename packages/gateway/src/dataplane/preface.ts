import type { Socket } from 'node:net'
import type { TimerWheel } from '@tidemill/core'

/** What a client that knows the server speaks HTTP/2 sends first (RFC 9113 3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

const requestLine = /^(?:GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS|TRACE|CONNECT) | HTTP\//u

/**
 * Whether the first line is certainly no request line, good or bad: an answer in HTTP/1.1 would mean nothing to who sent
 * it, and to a client of HTTP/2 with a broken preface least of all (RFC 9113 3.4).
 */
function isForeign(bytes: Buffer): boolean {
  const end = bytes.indexOf(10)
  return end >= 0 && !requestLine.test(bytes.toString('latin1', 0, end))
}

/**
 * Looks at the first bytes of a socket until they tell which protocol follows, puts them back and calls `decided`; or
 * closes the socket when nothing is decided within `timeoutMs`. `foreign` is neither protocol: the socket is the caller's
 * to close.
 */
export function sniffProtocol(
  socket: Socket,
  wheel: TimerWheel,
  timeoutMs: number,
  decided: (protocol: 'http/1.1' | 'h2' | 'foreign') => void,
): void {
  let seen: Buffer | undefined
  const limit = wheel.timer(() => socket.destroy())
  const finish = (protocol: 'http/1.1' | 'h2' | 'foreign'): void => {
    limit.stop()
    socket.off('data', onData)
    socket.off('end', onEnd)
    socket.off('close', onClose)
    socket.pause()
    decided(protocol)
    if (protocol === 'foreign') return
    if (seen !== undefined) socket.unshift(seen)
    socket.resume()
  }
  const onData = (chunk: Buffer): void => {
    seen = seen === undefined ? chunk : Buffer.concat([seen, chunk])
    const size = Math.min(seen.length, preface.length)
    if (seen.compare(preface, 0, size, 0, size) !== 0)
      finish(isForeign(seen) ? 'foreign' : 'http/1.1')
    else if (size === preface.length) finish('h2')
  }
  const onEnd = (): void => {
    limit.stop()
    // Nothing that is whole can have come.
    socket.destroy()
  }
  const onClose = (): void => limit.stop()
  limit.start(timeoutMs)
  socket.on('data', onData)
  socket.on('end', onEnd)
  socket.on('close', onClose)
}
