import { coreErrors } from './errors.ts'

/** A length of time as options take it: `'250ms'`, `'5s'`, `'15m'`, `'1h'`, `'7d'`, or compound `'1h30m'`. */
export type Duration = string

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** The duration in milliseconds; a bare number without a unit is refused because its unit would be a guess. */
export function parseDuration(text: Duration, path = ''): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/guy)]
  const read = parts.reduce((length, part) => length + part[0].length, 0)
  const ms = parts.reduce((sum, part) => sum + Number(part[1]) * (unitMs[part[2] ?? ''] ?? 0), 0)
  if (parts.length === 0 || read !== text.length || ms > Number.MAX_SAFE_INTEGER) {
    throw coreErrors.error('TM_CORE_DURATION', { received: text.slice(0, 64), path })
  }
  return ms
}

/** The shortest exact text of a duration in milliseconds, for example 90,000 is `1m30s`. */
export function formatDuration(ms: number): Duration {
  let left = Math.round(ms)
  if (left === 0) return '0s'
  let text = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const size = unitMs[unit] ?? 1
    const count = Math.floor(left / size)
    if (count > 0) text += `${count}${unit}`
    left -= count * size
  }
  return text
}
