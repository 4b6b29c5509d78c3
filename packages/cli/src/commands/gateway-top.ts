import { parseDuration, realClock } from '@tidemill/core'
import type { RuntimeSnapshot } from '@tidemill/gateway/admin'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { gatewayClient } from '../gateway-client.ts'
import { topFrame, topText } from '../gateway-top-frame.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags, signal } = invocation
  const client = await gatewayClient(invocation)
  const interval = Math.max(100, parseDuration(flags.string('interval') ?? '1s', '--interval'))
  const count = flags.number('count') ?? 0
  const frames = count === 0 ? Number.POSITIVE_INFINITY : count
  const live = out.interactive && process.stdout.isTTY && count === 0
  const read = (): Promise<RuntimeSnapshot> => client.get('/v1/snapshot')
  let before = await read()
  for (let i = 0; i < frames; i++) {
    await realClock.sleep(interval, { signal })
    const after = await read()
    const frame = topFrame(before, after)
    before = after
    const lines = topText(frame, out, live ? process.stdout.rows - 1 : 1000)
    if (live) {
      const fitted = lines.map((line) => clip(line, process.stdout.columns))
      out.line(`\u001B[H\u001B[2J${fitted.join('\n')}`)
    } else out.record('tidemill.gateway-top.v1', frame, `${lines.join('\n')}\n`)
  }
  return exitCode.ok
}

/** Lines that wrap would push the top out of the screen; styled ones are short. */
function clip(line: string, columns: number): string {
  return line.includes('\u001B') ? line : line.slice(0, columns)
}
