import { type AdminClient, createAdminClient } from './admin-client.ts'
import type { Invocation } from './command.ts'

/** The client for the platform that `--url` or TIDEMILL_URL names. */
export function adminClient({ flags, signal }: Invocation): AdminClient {
  return createAdminClient(flags.string('url') ?? '', signal)
}
