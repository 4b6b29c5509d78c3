import type { EventDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { eventText } from '../event-text.ts'
import { exitCode } from '../exit-code.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, flags, signal } = invocation
  const client = adminClient(invocation)
  const limit = flags.number('limit') ?? 50
  const first = await client.get<{ readonly items: readonly EventDocument[] }>(
    `/api/v1/events?tail=true&limit=${limit}`,
  )
  for (const event of first.items) out.record('tidemill.event.v1', event, eventText(event))
  if (!flags.boolean('follow')) return exitCode.ok
  let after = first.items.at(-1)?.position ?? 0
  while (!signal.aborted) {
    const more = await client.get<{ readonly items: readonly EventDocument[] }>(
      `/api/v1/events?after=${after}&limit=500&waitMs=5000`,
    )
    for (const event of more.items) out.record('tidemill.event.v1', event, eventText(event))
    after = more.items.at(-1)?.position ?? after
  }
  return exitCode.ok
}
