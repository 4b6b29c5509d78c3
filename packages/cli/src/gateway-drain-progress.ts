import type { GatewayRuntime } from '@tidemill/gateway/admin'
import { realClock } from '@tidemill/core'
import type { Output } from './output.ts'
import { plural } from './render/plural.ts'

const everyMs = 500

/** Drains, and tells every half second what is still open. */
export async function drainWithProgress(
  runtime: GatewayRuntime,
  out: Output,
  times: { readonly graceMs: number; readonly timeoutMs: number },
): Promise<void> {
  const end = new AbortController()
  const drained = runtime.drain(times.graceMs, times.timeoutMs).finally(() => end.abort())
  const tell = async (): Promise<void> => {
    let said = ''
    while (!end.signal.aborted) {
      const { connections } = await runtime.snapshot()
      if (end.signal.aborted) return
      const open = connections.http1 + connections.http2 + connections.streams
      const text = `draining: ${plural(connections.requests, 'request')} on ${plural(open, 'connection')} open (Ctrl-C again ends at once)`
      if (out.interactive) out.status(text)
      else if (text !== said) out.note(text)
      said = text
      await Promise.race([drained, realClock.sleep(everyMs)])
    }
  }
  // A worker that ends first does not answer any more: what counts is that all are drained.
  await Promise.all([drained, tell().catch(() => undefined)])
  out.status('')
}
