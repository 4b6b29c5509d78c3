/** Nanoseconds as ghz prints them: below 10,000 as `ns`, else `ms` or `s` with two digits. */
export function formatNanos(ns: number): string {
  if (ns < 10_000) return `${ns} ns`
  const ms = ns / 1e6
  return ms < 1000 ? `${ms.toFixed(2)} ms` : `${(ms / 1000).toFixed(2)} s`
}

/** Nanoseconds as milliseconds with three significant digits at least. */
export function roundedMs(ns: number): string {
  const ms = ns / 1e6
  return ms < 10 ? ms.toFixed(3) : ms < 1000 ? ms.toFixed(1) : ms.toFixed(0)
}
