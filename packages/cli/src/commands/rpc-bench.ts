import { writeFile } from 'node:fs/promises'
import {
  type BenchCell,
  type BenchPlan,
  findMethod,
  formatReport,
  formatSweep,
  hdrText,
  planBench,
  runBench,
  sweepDocument,
  type SweepFormat,
} from '@tidemill/rpc/bench'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { createBenchLine } from '../render/bench-line.ts'
import { readBenchConfig, readBenchTexts } from '../rpc-bench-config.ts'
import { importPaths, readSchema } from '../rpc-schema.ts'
import { readTls } from '../rpc-target.ts'

/** The forms that list single results. */
const listsResults: ReadonlySet<string> = new Set(['csv', 'json', 'pretty', 'influx-details'])

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, flags, signal } = invocation
  const given = await readBenchConfig(flags, args['HOST'])
  const plan = planBench(given)
  const config = { ...given, 'import-paths': importPaths(given) }
  const texts = await readBenchTexts(config, process.stdin)
  out.status('reading the schema ...')
  const schema = await readSchema(config, plan.call)
  const method = findMethod(schema, plan.call)
  const tls = await readTls(config)
  const line = createBenchLine(plan, out.columns)
  const cells = await runBench({
    config,
    plan,
    method,
    registry: schema,
    ...texts,
    tls,
    signal,
    details: !plan.sweep && (out.json || listsResults.has(plan.format)),
    onProgress: (progress) => out.status(line(progress)),
  })
  out.status('')
  await write(invocation, plan, cells, config.output)
  if (config.hdr !== undefined) await writeHdr(config.hdr, cells)
  const crossed = crossedConditions(plan, cells)
  for (const text of crossed) out.failure(`fail: ${text}`)
  if (signal.aborted) return exitCode.interrupted
  return crossed.length === 0 ? exitCode.ok : exitCode.failure
}

async function write(
  { out }: Invocation,
  plan: BenchPlan,
  cells: readonly BenchCell[],
  file: string | undefined,
): Promise<void> {
  const [first] = cells
  if (first === undefined) return
  if (out.json) {
    if (plan.sweep) out.document('tidemill.rpc-bench-sweep.v1', sweepDocument(cells))
    else out.document('tidemill.rpc-bench.v1', first.report)
    return
  }
  // The plan has refused other formats for a sweep.
  const text = plan.sweep
    ? formatSweep(cells, plan.format as SweepFormat)
    : formatReport(first.report, plan.format, first.latencies)
  if (file === undefined) out.line(text.replace(/\n$/u, ''))
  else {
    await writeFile(file, text)
    out.note(`report written to ${file}`)
  }
}

/** The percentiles of every run, one after another under a comment that says which. */
async function writeHdr(file: string, cells: readonly BenchCell[]): Promise<void> {
  const parts = cells.map((cell) => hdrText(cell.latencies, 1000))
  await writeFile(file, `${parts.join('\n\n')}\n`)
}

function crossedConditions({ failOn }: BenchPlan, cells: readonly BenchCell[]): string[] {
  return cells.flatMap(({ report }) =>
    failOn.flatMap((condition) => {
      const measured = condition.check(report)
      return measured === undefined ? [] : [`${condition.text}: ${measured}`]
    }),
  )
}
