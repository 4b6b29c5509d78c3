import { parseBytes } from '@tidemill/core'
import type { OptionProblem } from './bench-config.ts'
import { parseGoDuration } from './go-duration.ts'
import type { WindowSetting } from './load-settings.ts'

/** Reads `64k/64k,1m/4m,auto`: stream and connection window of each setting; a single size is both. */
export function parseWindows(text: string, problems: OptionProblem[]): WindowSetting[] {
  return text.split(',').map((part) => {
    const word = part.trim()
    if (word === 'auto') return 'auto'
    const [stream = '', connection = stream] = word.split('/')
    const sizes = [windowSize(stream), windowSize(connection)] as const
    for (const [i, size] of sizes.entries()) {
      if (size === undefined || size < 1 || size > 2 ** 31 - 1) {
        problems.push({
          path: '--windows',
          message: `takes sizes such as 64k/1m, not "${i === 0 ? stream : connection}"`,
        })
      }
    }
    return { stream: sizes[0] ?? 0, connection: sizes[1] ?? 0 }
  })
}

/** `64k` and `1m` are binary, as window sizes are; 64k is HTTP/2's default of 65,535, which is what people mean by it. */
function windowSize(text: string): number | undefined {
  const short = /^(\d+(?:\.\d+)?)([kmg]?)$/iu.exec(text)
  const unit = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[short?.[2]?.toLowerCase() ?? ''] ?? 1
  try {
    const bytes = short === null ? parseBytes(text) : Math.round(Number(short[1]) * unit)
    return bytes === 65_536 ? 65_535 : bytes
  } catch {
    return undefined
  }
}

/** Reads `0,10ms,50ms` as milliseconds. */
export function parseRtts(text: string, problems: OptionProblem[]): number[] {
  return text.split(',').map((part) => {
    const ms = parseGoDuration(part.trim())
    if (ms === undefined || ms > 10_000) {
      problems.push({
        path: '--rtt',
        message: `takes durations of at most 10s such as 50ms, not "${part}"`,
      })
    }
    return ms ?? 0
  })
}
