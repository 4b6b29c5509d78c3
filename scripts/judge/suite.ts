import type { EngineName } from '../engines/registry.ts'

/** One case of an official suite after it ran. */
export interface CaseResult {
  /** As the suite names it. */
  readonly id: string
  readonly passed: boolean
  /** What the suite said about a failure. */
  readonly detail?: string
}

/** An official, unmodified suite that judges one of our systems. */
export interface Suite {
  readonly name: string
  readonly system: string
  /** Where the suite comes from and its version. */
  readonly source: string
  /** What must be installed to run it. */
  readonly engines: readonly EngineName[]
  /** Cases of features that we do not claim, each with the reason; kept short. */
  readonly notClaimed: Readonly<Record<string, string>>
  /** Starts what it needs on loopback, runs every case, stops everything. */
  run(progress: (text: string) => void): Promise<readonly CaseResult[]>
}

export interface Failure {
  readonly id: string
  readonly detail: string | null
  /** Why we do not claim the feature; null for a failure that counts. */
  readonly notClaimed: string | null
}

export interface Verdict {
  readonly suite: string
  readonly source: string
  readonly passed: number
  readonly failed: number
  readonly failures: readonly Failure[]
  /** True when every failure is of a feature that we do not claim, and at least one case ran. */
  readonly holds: boolean
}

export async function judge(
  suite: Suite,
  progress: (text: string) => void = () => undefined,
): Promise<Verdict> {
  const cases = await suite.run(progress)
  const failures = cases
    .filter((one) => !one.passed)
    .map(({ id, detail }): Failure => {
      return { id, detail: detail ?? null, notClaimed: suite.notClaimed[id] ?? null }
    })
  return {
    suite: suite.name,
    source: suite.source,
    passed: cases.length - failures.length,
    failed: failures.length,
    failures,
    holds: cases.length > 0 && failures.every((failure) => failure.notClaimed !== null),
  }
}

export function formatVerdict(verdict: Verdict): string {
  const lines = verdict.failures.map(({ id, detail, notClaimed }) => {
    const head = notClaimed === null ? `  ✖ ${id}` : `  - ${id} (not claimed: ${notClaimed})`
    return detail === null ? head : `${head}\n      ${detail}`
  })
  return [
    `${verdict.suite} (${verdict.source}): ${verdict.passed} passed, ${verdict.failed} failed`,
    ...lines,
  ].join('\n')
}
