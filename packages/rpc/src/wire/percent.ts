const plain = /^[ -$&-~]*$/u

/** `grpc-message` of a text: UTF-8 with everything but printable ASCII and `%` itself escaped. */
export function encodeMessage(text: string): string {
  if (plain.test(text)) return text
  let out = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    out +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`
  }
  return out
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** Text of a `grpc-message`. Never fails: what is no escape stays, what is no UTF-8 becomes U+FFFD. */
export function decodeMessage(text: string): string {
  if (!text.includes('%')) return text
  const bytes = Buffer.from(text, 'latin1')
  let at = 0
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i] as number
    if (byte === 0x25 && i + 2 < bytes.length) {
      const value = (hexDigit(bytes[i + 1] as number) << 4) | hexDigit(bytes[i + 2] as number)
      if (value >= 0) {
        byte = value
        i += 2
      }
    }
    bytes[at++] = byte
  }
  return bytes.toString('utf8', 0, at)
}
