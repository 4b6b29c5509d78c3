import type { EventDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { eventText } from '../event-text.ts'
import { exitCode } from '../exit-code.ts'

const pageSize = 500

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args } = invocation
  const stream = encodeURIComponent(args['STREAM'] ?? '')
  const client = adminClient(invocation)
  const items: EventDocument[] = []
  for (let more = true; more; ) {
    const page = await client.get<{ readonly items: readonly EventDocument[] }>(
      `/api/v1/streams/${stream}?from=${items.length + 1}&limit=${pageSize}`,
    )
    items.push(...page.items)
    more = page.items.length === pageSize
  }
  if (out.json) out.document('tidemill.stream.v1', { stream: args['STREAM'], items })
  else for (const event of items) out.line(eventText(event))
  return exitCode.ok
}
