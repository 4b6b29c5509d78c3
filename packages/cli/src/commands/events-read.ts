import type { EventDocument } from '@tidemill/platform/documents'
import { adminClient } from '../client-command.ts'
import type { Invocation } from '../command.ts'
import { eventText } from '../event-text.ts'
import { exitCode } from '../exit-code.ts'

export async function execute(invocation: Invocation): Promise<number> {
  const { out, args } = invocation
  const stream = encodeURIComponent(args['STREAM'] ?? '')
  const { items } = await adminClient(invocation).get<{ readonly items: readonly EventDocument[] }>(
    `/api/v1/streams/${stream}`,
  )
  if (out.json) out.document('tidemill.stream.v1', { stream: args['STREAM'], items })
  else for (const event of items) out.line(eventText(event))
  return exitCode.ok
}
