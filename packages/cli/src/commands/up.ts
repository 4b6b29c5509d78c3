import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { startDemoTraffic } from '../demo-traffic.ts'
import { firstScreen } from '../first-screen.ts'
import { reportError } from '../report.ts'
import { parsePort, startShopPlatform } from '../shop-platform.ts'
import { version } from '../version.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags, signal } = invocation
  const dataDir = flags.string('data')
  const demo = flags.boolean('demo')
  const rate = flags.number('rate') ?? 5
  const running = await startShopPlatform({
    dataDir,
    port: parsePort(flags.string('port') ?? '7070'),
    seed: flags.number('seed') ?? 1,
    declineRatio: 0.05,
  })
  const { platform } = running
  try {
    if (out.json) {
      out.document('tidemill.up.v1', {
        console: platform.consoleUrl,
        gateway: platform.gatewayUrl,
        metrics: `${platform.consoleUrl}/metrics`,
        pid: process.pid,
      })
    } else {
      const readyMs = process.uptime() * 1000
      const { consoleUrl, gatewayUrl } = platform
      const screen = firstScreen(
        {
          version,
          readyMs,
          dataDir,
          consoleUrl,
          gatewayUrl,
          demoRate: demo ? rate : null,
        },
        out,
      )
      for (const line of screen) out.line(line)
    }
    const traffic = demo
      ? startDemoTraffic(running, rate, flags.number('seed') ?? 1, (error) => {
          out.note('the demo traffic ended:')
          reportError(error, out, false)
        })
      : undefined
    await aborted(signal)
    out.note('draining ... (Ctrl-C again ends at once)')
    await traffic?.stop()
  } finally {
    await running.close()
  }
  return exitCode.ok
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
