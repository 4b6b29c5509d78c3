const names = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const

/** A status code as grpc-go, and so ghz, prints it: 14 is `Unavailable`. */
export function statusName(code: number): string {
  return names[code] ?? `Code(${code})`
}

/** The error text that ghz reports for a status that is not OK. */
export function statusError(code: number, message: string): string {
  return `rpc error: code = ${statusName(code)} desc = ${message}`
}
