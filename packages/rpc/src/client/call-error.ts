import type { CallOutcome } from '../channel/call-outcome.ts'
import { RpcError, type RpcOutcome } from '../rpc-error.ts'
import { decodeBinary, Metadata } from '../wire/metadata.ts'
import { headerValue } from './response.ts'

/** What a caller gets for an outcome that is not OK. */
export function outcomeError(outcome: CallOutcome): RpcError {
  const { code, message, trailers } = outcome
  const details = headerValue(trailers, 'grpc-status-details-bin')
  return new RpcError(code as 1, message, {
    metadata: Metadata.fromHeaders(trailers),
    details: details === undefined ? undefined : decodeBinary(details)?.[0],
    outcome: knowledge(outcome),
  })
}

function knowledge(outcome: CallOutcome): RpcOutcome {
  if (outcome.processed !== 'sent') return 'unsent'
  return headerValue(outcome.trailers, 'grpc-status') === undefined ? 'unknown' : 'answered'
}
