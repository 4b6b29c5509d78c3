import type { TidemillError } from '@tidemill/core'

/** Which form of gRPC a content type is. */
export function grpcKind(contentType: string): '' | 'grpc' | 'grpc-web' | 'grpc-web-text' {
  if (!contentType.startsWith('application/grpc')) return ''
  const rest = contentType.slice('application/grpc'.length)
  if (isSuffix(rest)) return 'grpc'
  if (rest.startsWith('-web-text') && isSuffix(rest.slice(9))) return 'grpc-web-text'
  return rest.startsWith('-web') && isSuffix(rest.slice(4)) ? 'grpc-web' : ''
}

/** `+proto`, a parameter, or nothing. */
function isSuffix(rest: string): boolean {
  return rest === '' || rest.startsWith('+') || rest.startsWith(';')
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
}

/** Milliseconds of a grpc-timeout value; Infinity for none and for what is none. */
export function parseGrpcTimeout(value: string): number {
  if (!/^\d{1,8}[HMSmun]$/u.test(value)) return Infinity
  return Number(value.slice(0, -1)) * (unitMs[value.at(-1) as string] as number)
}

/** The value for a time: at most eight digits (PROTOCOL-HTTP2.md). */
export function formatGrpcTimeout(ms: number): string {
  const whole = Math.ceil(ms)
  return whole <= 99_999_999 ? `${whole}m` : `${Math.min(99_999_999, Math.ceil(ms / 1000))}S`
}

/** grpc-status of an answer of our own, by its HTTP status (gRPC's http-grpc-status-mapping.md). */
export function grpcStatusOf(error: TidemillError): number {
  switch (error.http) {
    case 400:
      return 13
    case 401:
      return 16
    case 403:
      return 7
    case 404:
      return 12
    case 504:
      // The deadline was ours to keep, so we know that it is over.
      return 4
    case 429:
    case 502:
    case 503:
      return 14
    default:
      return 2
  }
}

/** grpc-message: everything but visible ASCII is percent-encoded, and `%` itself. */
export function encodeGrpcMessage(text: string): string {
  if (/^[ -$&-~]*$/u.test(text)) return text
  let out = ''
  for (const byte of Buffer.from(text)) {
    out +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return out
}
