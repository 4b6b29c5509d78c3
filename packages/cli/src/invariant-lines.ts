import type { Invariant } from '@tidemill/platform'
import type { Output } from './output.ts'

/** One line per invariant: a mark, its name, what was found. */
export function invariantLines(
  invariants: readonly Invariant[],
  out: Pick<Output, 'style'>,
): readonly string[] {
  return invariants.map((invariant) => {
    const mark = invariant.holds ? out.style('green', '+') : out.style('red', 'x')
    return `  ${mark} ${invariant.name.padEnd(34)} ${out.style('dim', invariant.detail)}`
  })
}
