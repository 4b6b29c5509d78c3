import { hostByte } from './bytes.ts'

/** Whether the text is `host` or `host:port` as a Host field or a target may carry it (RFC 9112 3.2, RFC 3986 3.2). */
export function isAuthority(text: string): boolean {
  const port = hostEnd(text)
  if (port <= 0) return false
  return port === text.length || isPort(text, port)
}

/** Whether the text is `host:port` with a port, as CONNECT needs it. */
export function isHostAndPort(text: string): boolean {
  const port = hostEnd(text)
  return port > 0 && port + 1 < text.length && isPort(text, port)
}

/** Index behind the host, where `:` or the end must be; -1 when there is no valid host. */
function hostEnd(text: string): number {
  if (text.charCodeAt(0) === 0x5b) {
    const close = text.indexOf(']')
    return close > 0 && isAddressLiteral(text.slice(1, close)) ? close + 1 : -1
  }
  let i = 0
  while (i < text.length) {
    const code = text.charCodeAt(i)
    if (code === 0x3a) break
    if (code > 127 || hostByte[code] === 0) return -1
    i++
  }
  return i
}

function isAddressLiteral(text: string): boolean {
  if (/^v[0-9a-f]+\.[\w.~!$&'()*+,;=:-]+$/iu.test(text)) return true
  return isIpv6(text)
}

/** RFC 3986 IPv6address: eight groups, one run of zeros as `::`, the last two groups also as dotted IPv4. */
function isIpv6(text: string): boolean {
  if (text.length > 45 || !/^[0-9A-Fa-f:.]+$/u.test(text)) return false
  const halves = text.split('::')
  if (halves.length > 2) return false
  let groups = 0
  for (const [side, half] of halves.entries()) {
    if (half === '') continue
    const parts = half.split(':')
    for (const [index, part] of parts.entries()) {
      const last = side === halves.length - 1 && index === parts.length - 1
      if (last && isIpv4(part)) groups += 2
      else if (/^[0-9A-Fa-f]{1,4}$/u.test(part)) groups++
      else return false
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8
}

function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.|$)){4}$/u.test(text) && !text.endsWith('.')
}

/** `:` and up to five digits; the grammar also allows none. */
function isPort(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== 0x3a || text.length - at > 6) return false
  let port = 0
  for (let i = at + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return false
    port = port * 10 + digit
  }
  return port <= 65_535
}
