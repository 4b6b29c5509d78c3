import type { Clock, Problem, Random } from '@tidemill/core'
import {
  AccessLog,
  type AccessLogSettings,
  createFileSink,
  readAccessLogSpec,
} from '../access/index.ts'
import { gatewayErrors } from '../errors.ts'

const streams: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 }

/** Opens the access log; TM_GATEWAY_ACCESS_LOG for settings that are not valid and files that cannot be written. */
export function openAccessLog(
  settings: AccessLogSettings,
  clock: Clock,
  random: Random,
): AccessLog {
  const problems: Problem[] = []
  const spec = readAccessLogSpec(settings, '/accessLog', problems)
  if (spec === undefined) {
    const path = settings.path ?? 'stdout'
    const reason = problems.map((problem) => `${problem.path} ${problem.message}`).join('; ')
    throw gatewayErrors.error('TM_GATEWAY_ACCESS_LOG', { path, reason, problems })
  }
  const fd = streams[spec.path]
  const sink = createFileSink(fd === undefined ? { path: spec.path } : { fd }, clock)
  return new AccessLog({ spec, sink, clock, random })
}
