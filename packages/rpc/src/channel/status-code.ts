/** Names of the gRPC status codes, by number (google.rpc.Code). */
const names = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** The code that a service config names by number or by name in any case; undefined when there is none such. */
export function parseStatusCode(value: unknown): number | undefined {
  if (typeof value === 'number')
    return Number.isInteger(value) && value in names ? value : undefined
  if (typeof value !== 'string') return undefined
  const code = names.indexOf(value.toUpperCase())
  return code < 0 ? undefined : code
}
