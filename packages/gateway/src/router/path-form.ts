const unreserved = /^[A-Za-z0-9\-._~]$/u

/**
 * The one form of a path that is both matched and forwarded (RFC 3986 6.2.2): unreserved characters
 * decoded, other escapes in upper case, dot segments removed. `%2F` stays `%2F`, empty segments stay.
 * Undefined when an escape is malformed or encodes NUL. A path in that form already is returned as is.
 */
export function normalPath(path: string): string | undefined {
  if (!path.includes('%') && !path.includes('/.')) return path
  let broken = false
  const plain = path.replaceAll(/%([0-9A-Fa-f]{2})?/gu, (whole, hex: string | undefined) => {
    const code = hex === undefined ? 0 : Number.parseInt(hex, 16)
    if (code === 0) broken = true
    const char = String.fromCodePoint(code)
    return unreserved.test(char) ? char : whole.toUpperCase()
  })
  if (broken) return undefined
  return plain.includes('/.') ? withoutDots(plain) : plain
}

/** remove_dot_segments of RFC 3986 5.2.4 for a path that starts with a slash. */
function withoutDots(path: string): string {
  const segments = path.split('/').slice(1)
  const kept: string[] = []
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (last && (segment === '.' || segment === '..')) kept.push('')
  }
  return `/${kept.join('/')}`
}
