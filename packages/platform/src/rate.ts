/** Turns counters sampled now and then into per-second rates over a sliding window. */
export interface RateMeter {
  /** Takes a sample of every counter and forgets those that are gone. */
  sample(atMs: number, counters: ReadonlyMap<string, number>): void
  /** Per second over the window; 0 until there are two samples. */
  rate(name: string): number
}

export function createRateMeter(windowMs: number): RateMeter {
  const samples: { readonly at: number; readonly counters: ReadonlyMap<string, number> }[] = []
  return {
    sample(at, counters) {
      samples.push({ at, counters: new Map(counters) })
      while (samples.length > 2 && at - (samples[1]?.at ?? at) >= windowMs) samples.shift()
    },
    rate(name) {
      const first = samples[0]
      const last = samples.at(-1)
      if (first === undefined || last === undefined || last.at <= first.at) return 0
      const grown = (last.counters.get(name) ?? 0) - (first.counters.get(name) ?? 0)
      return Math.max(0, (grown * 1000) / (last.at - first.at))
    },
  }
}
