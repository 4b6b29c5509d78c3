/** Whether a larger sample is better (`rate`, per second) or a smaller one (`cost`, time per operation). */
export type Measure = 'rate' | 'cost'

/** Measures one slice and gives its sample, in the unit that the lane declares. */
export type Slice = () => number | Promise<number>

export interface Samples {
  readonly name: string
  readonly measure: Measure
  readonly unit: string
  /** One per round, in the order measured; the same index of two lanes was measured side by side. */
  readonly samples: readonly number[]
  readonly median: number
  readonly min: number
  readonly max: number
}

export interface AlternateOptions<Name extends string> {
  readonly measure: Measure
  readonly unit: string
  /** At least 3; default 5. */
  readonly rounds?: number
  /** Rounds thrown away at the start; default 1. */
  readonly warmup?: number
  readonly lanes: Readonly<Record<Name, Slice>>
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

export function summarize(
  name: string,
  measure: Measure,
  unit: string,
  samples: readonly number[],
): Samples {
  return {
    name,
    measure,
    unit,
    samples,
    median: median(samples),
    min: Math.min(...samples),
    max: Math.max(...samples),
  }
}

/**
 * Runs every lane once a round, the order turned by one each round, so that a neighbour's noise, a warm cache or a
 * throttled core falls on all lanes alike.
 */
export async function alternate<Name extends string>(
  options: AlternateOptions<Name>,
  progress: (text: string) => void = () => undefined,
): Promise<Readonly<Record<Name, Samples>>> {
  const rounds = options.rounds ?? 5
  if (rounds < 3) throw new RangeError(`a bench needs at least 3 rounds, not ${rounds}`)
  const warmup = options.warmup ?? 1
  const lanes = Object.entries<Slice>(options.lanes)
  const samples = new Map<string, number[]>(lanes.map(([name]) => [name, []]))
  for (let round = 0; round < warmup + rounds; round++) {
    progress(round < warmup ? 'warm-up' : `round ${round - warmup + 1} of ${rounds}`)
    for (let index = 0; index < lanes.length; index++) {
      const [name, slice] = lanes[(index + round) % lanes.length] ?? []
      if (name === undefined || slice === undefined) continue
      const sample = await slice()
      if (!Number.isFinite(sample) || sample <= 0)
        throw new RangeError(`lane ${name} measured ${sample}`)
      if (round >= warmup) samples.get(name)?.push(sample)
    }
  }
  const results = lanes.map(([name]) => [
    name,
    summarize(name, options.measure, options.unit, samples.get(name) ?? []),
  ])
  return Object.fromEntries(results) as Record<Name, Samples>
}

/** How many times better `ours` is: the median over rounds of the ratio inside each round. */
export function ratio(ours: Samples, peer: Samples): number {
  return median(
    ours.samples.map((own, round) => {
      const other = peer.samples[round] ?? Number.NaN
      return ours.measure === 'rate' ? own / other : other / own
    }),
  )
}

/** Operations per second of `work`, which does `count` operations. */
export async function perSecond(count: number, work: () => unknown): Promise<number> {
  const started = performance.now()
  await work()
  return (count / (performance.now() - started)) * 1000
}

/** Nanoseconds per operation of synchronous `work`, which does `count` operations. */
export function nanosPer(count: number, work: () => void): number {
  const started = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - started) / count
}
