import { appendFileSync } from 'node:fs'
import {
  type DemoReport,
  planSynthetic,
  readRetailFile,
  type ReplayPlan,
  runDemo,
} from '@tidemill/shop'
import type { Invocation } from '../command.ts'
import { demoSummary, requireInvariants } from '../demo-summary.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { count, progressBar } from '../render/progress-bar.ts'
import { startShopPlatform } from '../shop-platform.ts'

const syntheticCount = 1000
const largestCount = 1_000_000

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags, signal } = invocation
  const plan = await readPlan(invocation)
  const total = plan.items.length
  const acknowledged = flags.string('acknowledged')
  out.status('starting the platform ...')
  const running = await startShopPlatform({
    dataDir: flags.string('data'),
    port: 'auto',
    seed: flags.number('seed') ?? 1,
    declineRatio: flags.number('decline') ?? 0.05,
  })
  let report: DemoReport
  try {
    report = await runDemo({
      baseUrl: running.platform.gatewayUrl,
      shop: running.shop,
      plan,
      rate: readRate(flags.string('rate') ?? 'max'),
      signal,
      onProgress: ({ sent, seconds }) => {
        const rate = seconds > 0 ? `${count(sent / seconds)}/s` : ''
        out.status(
          sent < total
            ? `${progressBar(sent, total)}  ${rate}`
            : 'waiting until every saga ended ...',
        )
      },
      // Written at once and in order, so that the file is right even when the process is killed.
      ...(acknowledged === undefined
        ? {}
        : { onAcknowledged: (id) => appendFileSync(acknowledged, `${id}\n`) }),
    })
  } finally {
    out.status('')
    await running.close()
  }
  signal.throwIfAborted()
  if (out.json) out.document('tidemill.demo.v1', report)
  else for (const line of demoSummary(report, out)) out.line(line)
  requireInvariants(report)
  return exitCode.ok
}

async function readPlan({ flags, out }: Invocation): Promise<ReplayPlan> {
  const orders = flags.string('orders') ?? 'synthetic'
  if (orders === 'synthetic') {
    const invoices = flags.number('count') ?? syntheticCount
    if (!Number.isInteger(invoices) || invoices < 1 || invoices > largestCount) {
      throw cliErrors.error('TM_CLI_USAGE', {
        what: `--count takes a whole number from 1 to ${largestCount}, not ${invoices}`,
        suggestion: 'Run `tidemill help demo`.',
      })
    }
    return planSynthetic(invoices, { seed: flags.number('seed') ?? 1 })
  }
  out.status(`reading ${orders} ...`)
  const malformed = flags.string('malformed') === 'skip' ? 'skip' : 'stop'
  const plan = await readRetailFile(orders, { malformed })
  for (const problem of plan.malformed) {
    out.note(
      `skipped line ${problem.line ?? '?'}, column ${problem.column ?? '?'}: ${problem.message}`,
    )
  }
  return plan
}

function readRate(text: string): number | 'max' {
  if (text === 'max') return 'max'
  const rate = Number(text)
  if (Number.isFinite(rate) && rate > 0) return rate
  throw cliErrors.error('TM_CLI_USAGE', {
    what: `--rate takes max or a number above 0, not "${text}"`,
    suggestion: 'Write for example --rate 50.',
  })
}
