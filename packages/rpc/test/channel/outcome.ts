import type { CallOutcome } from '../../src/channel/call-outcome.ts'

/** An attempt that the server answered with the code, changed as given. */
export function outcome(code: number, changes: Partial<CallOutcome> = {}): CallOutcome {
  return { code, message: '', trailers: [], headersSeen: false, processed: 'sent', ...changes }
}
