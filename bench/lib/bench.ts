import { type AlternateOptions, alternate, ratio, type Samples } from './measure.ts'

/** What a claim must reach. */
export type Target = { readonly atLeast: number } | { readonly atMost: number }

export interface Claim {
  /** Short and unique inside the bench, kebab-case. */
  readonly id: string
  /** What is compared, in words: `256 callers against one transaction per append`. */
  readonly about: string
  /** Unit of the value: `x` for a ratio, else `ns`, `us`, `ms`, `appends/s` ... */
  readonly unit: string
  readonly target: Target
}

export interface BenchContext {
  /**
   * Measures ours and the peers in alternating slices of this run, warm-up first. The lanes are printed with their
   * medians; the result is keyed by lane.
   */
  alternate<Name extends string>(
    options: AlternateOptions<Name>,
  ): Promise<Readonly<Record<Name, Samples>>>
  /** Settles a claim by how many times better `ours` is than `peer` (above 1 is better, for rates and for costs). */
  ratio(claim: string, ours: Samples, peer: Samples): void
  /** Settles a claim by a number; of samples, their median. */
  value(claim: string, value: number | Samples): void
  /** A condition that a reader needs to judge the numbers; printed and kept in the JSON document. */
  note(text: string): void
  /** A line for the person who waits; never on stdout. */
  progress(text: string): void
}

export interface Bench {
  /** The file's name without `.ts`. */
  readonly name: string
  /** One sentence: what is measured. */
  readonly about: string
  /** npm packages measured against; their installed versions are printed. */
  readonly peers?: readonly string[]
  readonly claims: readonly Claim[]
  /** Settles every claim; a claim left unsettled counts as missed. */
  run(context: BenchContext): Promise<void>
}

export interface ClaimResult extends Claim {
  /** Null when the run did not settle it. */
  readonly value: number | null
  readonly holds: boolean
}

export interface BenchOutcome {
  readonly claims: readonly ClaimResult[]
  readonly lanes: readonly Samples[]
  readonly notes: readonly string[]
  readonly holds: boolean
}

/** Checks the declaration; everything else happens in {@link runBench}. */
export function defineBench(bench: Bench): Bench {
  const ids = bench.claims.map((claim) => claim.id)
  if (ids.length === 0) throw new TypeError(`bench ${bench.name} claims nothing`)
  if (new Set(ids).size !== ids.length)
    throw new TypeError(`bench ${bench.name} names a claim twice`)
  return bench
}

export async function runBench(
  bench: Bench,
  progress: (text: string) => void = () => undefined,
): Promise<BenchOutcome> {
  const values = new Map<string, number>()
  const lanes: Samples[] = []
  const notes: string[] = []
  const settle = (id: string, value: number): void => {
    if (!bench.claims.some((claim) => claim.id === id))
      throw new TypeError(`bench ${bench.name} has no claim "${id}"`)
    values.set(id, value)
  }
  await bench.run({
    async alternate(options) {
      const results = await alternate(options, progress)
      lanes.push(...Object.values<Samples>(results))
      return results
    },
    ratio: (id, ours, peer) => settle(id, ratio(ours, peer)),
    value: (id, value) => settle(id, typeof value === 'number' ? value : value.median),
    note: (text) => notes.push(text),
    progress,
  })
  const claims = bench.claims.map((claim): ClaimResult => {
    const value = values.get(claim.id) ?? null
    return { ...claim, value, holds: value !== null && reaches(value, claim.target) }
  })
  return { claims, lanes, notes, holds: claims.every((claim) => claim.holds) }
}

function reaches(value: number, target: Target): boolean {
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost
}
