const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/**
 * Milliseconds of a duration as Go writes it (`1m30s`, `1.5s`, `250us`), or of a bare `0`; undefined for anything
 * else. Scripts written for ghz pass such texts, and a platform duration (`5s`) reads the same.
 */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/guy)]
  if (parts.length === 0) return undefined
  const read = parts.reduce((length, part) => length + part[0].length, 0)
  if (read !== text.length) return undefined
  const ms = parts.reduce((sum, part) => sum + Number(part[1]) * (unitMs[part[2] ?? ''] ?? 0), 0)
  return ms * 1e6 <= Number.MAX_SAFE_INTEGER ? ms : undefined
}

/** A duration in nanoseconds as Go prints it: `0s`, `1.5s`, `1m0s`, `250µs`. */
export function formatGoDuration(ns: number): string {
  if (ns === 0) return '0s'
  if (ns < 1000) return `${ns}ns`
  if (ns < 1e6) return `${ns / 1000}µs`
  if (ns < 1e9) return `${ns / 1e6}ms`
  const seconds = Math.floor(ns / 1e9)
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  const rest = `${(seconds % 60) + (ns % 1e9) / 1e9}s`
  if (hours > 0) return `${hours}h${minutes}m${rest}`
  return minutes > 0 ? `${minutes}m${rest}` : rest
}
