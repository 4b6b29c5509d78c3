import type { Outcome } from '../breaker/index.ts'
import type { RequestFlag } from '../request-log.ts'
import type { UpstreamFailure } from '../upstream/upstream-call.ts'

/** The flag of a failure in the log. */
export function failureFlag(failure: UpstreamFailure): RequestFlag {
  switch (failure.kind) {
    case 'no-host':
      return 'UH'
    case 'overflow':
      return 'UO'
    case 'connect':
      return 'UF'
    case 'reset':
      return 'UC'
    case 'protocol':
      return 'UPE'
    case 'idle':
      return 'SI'
    case 'attempt-timeout':
    case 'deadline':
      return 'UT'
  }
}

/** What it says about the upstream: our own limits, and having nobody to ask, say nothing. */
export function failureOutcome(failure: UpstreamFailure): Outcome {
  return failure.kind === 'no-host' || failure.kind === 'overflow' ? 'ignore' : 'fail'
}
