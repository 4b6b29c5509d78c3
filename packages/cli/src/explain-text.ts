import type { Output } from './output.ts'

/** The part of the gateway's explanation that a person reads. */
export interface Explanation {
  readonly path: string
  readonly chosen?: Candidate
  readonly candidates: readonly Candidate[]
  readonly omitted: number
  readonly rule?: {
    readonly policies: readonly string[]
    readonly backends: readonly {
      readonly name: string
      readonly weight: number
      readonly endpoints: readonly string[]
      readonly breaker: string
    }[]
    readonly broken?: string
  }
}

interface FailedPredicate {
  readonly predicate: string
  readonly name?: string
  readonly expected: string
  readonly received?: string
}

interface Candidate {
  readonly route: string
  readonly rule: number
  readonly match: number
  readonly host: string
  readonly outcome: 'chosen' | 'outranked' | 'failed'
  readonly failed?: FailedPredicate
  readonly outrankedBy?: string
}

/** The winner with its backends, then every loser with the test that it lost. */
export function explainText(
  explanation: Explanation,
  out: Pick<Output, 'style'>,
): readonly string[] {
  const lines: string[] = []
  const { chosen, rule } = explanation
  if (chosen === undefined)
    lines.push(`${out.style('red', 'no route')} takes ${explanation.path}: the answer is 404`)
  else {
    lines.push(
      `${out.style('green', chosen.route)} takes ${explanation.path} by its rule ${chosen.rule}`,
    )
    for (const backend of rule?.backends ?? []) {
      lines.push(
        `  to ${backend.name} (weight ${backend.weight}, breaker ${backend.breaker}) at ${backend.endpoints.join(', ')}`,
      )
    }
    if (rule?.broken !== undefined) lines.push(`  answers 500: ${rule.broken}`)
  }
  const losers = explanation.candidates.filter((candidate) => candidate.outcome !== 'chosen')
  if (losers.length > 0) lines.push('', 'not taken')
  for (const loser of losers) {
    const why =
      loser.outcome === 'outranked'
        ? `outranked by ${loser.outrankedBy ?? 'precedence'}`
        : `fails ${failedText(loser.failed)}`
    lines.push(`  ${loser.route} rule ${loser.rule}, match ${loser.match}: ${why}`)
  }
  if (explanation.omitted > 0) lines.push(`  and ${explanation.omitted} more`)
  return lines
}

function failedText(failed: FailedPredicate | undefined): string {
  if (failed === undefined) return 'a condition'
  const name = failed.name === undefined ? '' : ` ${failed.name}`
  return `${failed.predicate}${name}: wants ${failed.expected}, got ${failed.received ?? 'none'}`
}
