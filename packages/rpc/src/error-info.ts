import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt'
import { type ErrorCode, TidemillError } from '@tidemill/core'
import { ErrorInfoSchema } from './gen/google/rpc/error_details_pb.ts'
import { StatusSchema } from './gen/google/rpc/status_pb.ts'
import { isRpcError, RpcError } from './rpc-error.ts'
import { type StatusName, statusName } from './status.ts'

/** Who may read the reason as a code of ours (google.rpc.ErrorInfo.domain). */
const domain = 'tidemill.dev'

/** Longest JSON of an error's details that is sent along; a trailer must fit the peer's header limit. */
const detailsLimit = 4096

const byHttp: Readonly<Record<number, StatusName>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  412: 'FAILED_PRECONDITION',
  413: 'RESOURCE_EXHAUSTED',
  415: 'INVALID_ARGUMENT',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
  507: 'RESOURCE_EXHAUSTED',
}

/**
 * A coded error as a status to answer with: its code, hint and details travel as google.rpc.ErrorInfo in
 * grpc-status-details-bin, so that {@link tidemillErrorOf} gives the same error to the caller. For services that trust
 * their callers with the message.
 */
export function rpcErrorOf(error: TidemillError): RpcError {
  const name = byHttp[error.http] ?? 'INTERNAL'
  const details = JSON.stringify(error.details)
  const info = create(ErrorInfoSchema, {
    reason: error.code,
    domain,
    metadata: {
      http: String(error.http),
      retryable: String(error.retryable),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(details.length > detailsLimit ? {} : { details }),
    },
  })
  const made = new RpcError(name, error.text, { cause: error })
  const status = create(StatusSchema, {
    code: made.status,
    message: error.text,
    details: [anyPack(ErrorInfoSchema, info)],
  })
  return new RpcError(name, error.text, {
    cause: error,
    details: toBinary(StatusSchema, status),
  })
}

/** The coded error that the server threw, when it sent one; undefined for any other status. */
export function tidemillErrorOf(error: RpcError): TidemillError | undefined {
  if (error.statusDetails === undefined) return undefined
  try {
    const { details, message } = fromBinary(StatusSchema, error.statusDetails)
    for (const detail of details) {
      const info = anyUnpack(detail, ErrorInfoSchema)
      if (info === undefined || info.domain !== domain || !/^TM_[A-Z0-9_]+$/u.test(info.reason)) {
        continue
      }
      const { http = '', retryable, hint, details: facts } = info.metadata
      return new TidemillError(info.reason as ErrorCode, message, {
        cause: error,
        http: /^[1-5]\d\d$/u.test(http) ? Number(http) : 500,
        retryable: retryable === 'true',
        ...(hint === undefined ? {} : { hint }),
        ...(facts === undefined ? {} : { details: JSON.parse(facts) as Record<string, unknown> }),
      })
    }
  } catch {
    // Details that cannot be read say nothing; the status itself still does.
  }
  return undefined
}

/** How a failure is called in a log: the code of a coded error, the status of a call, or UNKNOWN. */
export function failureName(error: unknown): string {
  if (isRpcError(error)) return tidemillErrorOf(error)?.code ?? statusName(error.status)
  return TidemillError.is(error) ? error.code : 'UNKNOWN'
}
