import type { Bench, BenchOutcome, Target } from './bench.ts'
import { isBusy, type Machine } from './machine.ts'

/** What `npm run bench -- NAME --json` prints. */
export interface BenchDocument {
  readonly schema: 'tidemill.bench.v1'
  readonly data: BenchOutcome & {
    readonly name: string
    readonly about: string
    readonly startedAt: string
    readonly seconds: number
    readonly machine: Machine
    readonly peers: Readonly<Record<string, string>>
  }
}

/** Enough digits to compare, no more: 12,345 and 29.4 and 0.0123. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: value < 1000 ? 3 : 5 })
}

export function formatTarget(target: Target): string {
  return 'atLeast' in target
    ? `at least ${formatNumber(target.atLeast)}`
    : `at most ${formatNumber(target.atMost)}`
}

export function formatReport({ data }: BenchDocument): string {
  const { machine } = data
  const peers = Object.entries(data.peers).map(([name, version]) => `${name} ${version}`)
  const busy = isBusy(machine) ? ' (busy: trust the ratios, not the absolute numbers)' : ''
  const lines = [
    `${data.name}: ${data.about}`,
    `  on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.os}, node ${machine.node}`,
    `  load before the run ${machine.load}${busy}; ${data.seconds.toFixed(1)} s${peers.length === 0 ? '' : `; against ${peers.join(', ')}`}`,
    ...data.notes.map((note) => `  note: ${note}`),
    ...data.lanes.map(
      (lane) =>
        `  ${lane.name}: median ${formatNumber(lane.median)} ${lane.unit} (${formatNumber(lane.min)} to ${formatNumber(lane.max)}, ${lane.samples.length} rounds)`,
    ),
    ...data.claims.map((claim) => {
      const value =
        claim.value === null ? 'not measured' : `${formatNumber(claim.value)} ${claim.unit}`
      return `${claim.holds ? '✔' : '✖'} ${claim.about}: ${value}, target ${formatTarget(claim.target)} ${claim.unit}`
    }),
  ]
  return lines.join('\n')
}

export function formatClaims(bench: Bench): string {
  const claims = bench.claims.map(
    (claim) => `    ${claim.about}: ${formatTarget(claim.target)} ${claim.unit}`,
  )
  return [`  ${bench.name}: ${bench.about}`, ...claims].join('\n')
}
