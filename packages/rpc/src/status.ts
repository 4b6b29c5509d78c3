/** gRPC status codes (google.rpc.Code). */
export const status = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type StatusName = keyof typeof status
export type StatusCode = (typeof status)[StatusName]

const names = Object.keys(status) as readonly StatusName[]

/** The name of a code; a number that gRPC does not define is UNKNOWN. */
export function statusName(code: number): StatusName {
  return names[code] ?? 'UNKNOWN'
}

/** The status of a response without grpc-status, from its HTTP status (gRPC http-grpc-status-mapping). */
export function statusFromHttp(httpStatus: number): StatusCode {
  switch (httpStatus) {
    case 400:
      return status.INTERNAL
    case 401:
      return status.UNAUTHENTICATED
    case 403:
      return status.PERMISSION_DENIED
    case 404:
      return status.UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504:
      return status.UNAVAILABLE
    default:
      return status.UNKNOWN
  }
}

/** The status of a stream that the peer reset, by its HTTP/2 error code (gRPC PROTOCOL-HTTP2, "Errors"). */
export function statusFromReset(code: number): StatusCode {
  switch (code) {
    // REFUSED_STREAM: certainly not processed.
    case 7:
      return status.UNAVAILABLE
    case 8:
      return status.CANCELLED
    // ENHANCE_YOUR_CALM
    case 11:
      return status.RESOURCE_EXHAUSTED
    // INADEQUATE_SECURITY
    case 12:
      return status.PERMISSION_DENIED
    // FLOW_CONTROL_ERROR is INTERNAL by the written protocol; grpc-go says RESOURCE_EXHAUSTED.
    default:
      return status.INTERNAL
  }
}

/** The error code of the RST_STREAM with which a server ends a call of this status early. */
export const resetCancel = 8
export const resetNoError = 0
export const resetInternal = 2
export const resetRefused = 7
