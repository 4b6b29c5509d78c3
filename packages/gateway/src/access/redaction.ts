/** Fields whose values are never written. */
export const secretHeaders: readonly string[] = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
  'x-csrf-token',
  'x-xsrf-token',
  'x-amz-security-token',
  'x-goog-iam-authorization-token',
  'x-vault-token',
  'sec-websocket-protocol',
]

/** Fields that hold URLs, whose query goes the way of the request's own. */
export const urlHeaders: readonly string[] = ['referer', 'location', 'content-location', 'refresh']

export const redacted = '[redacted]'

const secretParameter =
  /token|secret|passw|pwd|passphrase|key|auth|sig|code|session|sid$|credential|jwt|assertion|otp|^pin$|cookie/iu

/** The query with the values of parameters hidden that look like secrets or are listed, by their decoded names. */
export function redactQuery(query: string, names: ReadonlySet<string>): string {
  if (query === '') return ''
  return query
    .split('&')
    .map((part) => {
      const equals = part.indexOf('=')
      // What has no name may be a secret as a whole.
      if (equals < 0) return part === '' ? '' : redacted
      const name = decode(part.slice(0, equals))
      const hidden = secretParameter.test(name) || names.has(name.toLowerCase())
      return hidden ? `${part.slice(0, equals)}=${redacted}` : part
    })
    .join('&')
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}

/** A URL without query and fragment, and without user. */
export function redactUrl(url: string): string {
  const end = url.search(/[?#]/u)
  return (end < 0 ? url : url.slice(0, end)).replace(/\/\/[^/@]*@/u, '//')
}
