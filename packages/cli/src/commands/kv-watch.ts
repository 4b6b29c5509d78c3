import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { exitCode } from '../exit-code.ts'

interface Change {
  readonly type: 'put' | 'delete'
  readonly key: string
  readonly value: string | null
  readonly revision: number
}

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args, signal } = invocation
  const prefix = encodeURIComponent(args['PREFIX'] ?? '')
  out.note(`watching ${args['PREFIX'] ?? ''} (Ctrl-C ends it)`)
  try {
    for await (const message of adminClient(invocation).stream(
      `/api/v1/kv-watch?prefix=${prefix}`,
    )) {
      const change = message.data as Change
      out.record(
        'tidemill.kv-change.v1',
        change,
        `${change.revision}\t${change.type}\t${change.key}\t${change.value ?? ''}`,
      )
    }
  } catch (error) {
    // Ctrl-C is how a watch ends.
    if (!signal.aborted) throw error
  }
  return exitCode.ok
}
