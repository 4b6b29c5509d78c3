const units = ['n', 'u', 'm', 'S', 'M', 'H'] as const
/** Units in a millisecond where they are smaller, milliseconds in a unit where they are larger: whole numbers. */
const unitScale = [1e6, 1e3, 1, 1e3, 6e4, 3.6e6] as const
/** Largest value of 8 digits. */
const most = 99_999_999

/**
 * `grpc-timeout` of so many milliseconds: the finest unit whose value fits 8 digits, rounded up, so that the server does
 * not give up before the client (gRPC PROTOCOL-HTTP2, "Timeout").
 */
export function formatTimeout(ms: number): string {
  if (!(ms > 0)) return '0n'
  // Microseconds first: what comes from a clock has no nanoseconds.
  for (let i = ms < 1e-3 ? 0 : 1; i < 6; i++) {
    const scale = unitScale[i] as number
    const value = Math.ceil(i < 2 ? ms * scale : ms / scale)
    if (value <= most) return `${value}${units[i]}`
  }
  return `${most}H`
}

/** Milliseconds of a `grpc-timeout`: 1 to 8 digits and a unit; -1 when it is none. */
export function parseTimeout(text: string): number {
  const digits = text.length - 1
  if (digits < 1 || digits > 8) return -1
  let value = 0
  for (let i = 0; i < digits; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  switch (text.charCodeAt(digits)) {
    case 72: // H
      return value * 3_600_000
    case 77: // M
      return value * 60_000
    case 83: // S
      return value * 1000
    case 109: // m
      return value
    case 117: // u
      return value / 1000
    case 110: // n
      return value / 1_000_000
    default:
      return -1
  }
}
