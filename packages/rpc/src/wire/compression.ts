import { gunzipSync } from 'node:zlib'

/** What both sides say in `grpc-accept-encoding`. */
export const acceptedEncodings = 'identity,gzip'

/** Whether a `grpc-accept-encoding` names gzip. */
export function acceptsGzip(header: string | undefined): boolean {
  return (
    header !== undefined &&
    (header === 'gzip' || header.split(',').some((name) => name.trim() === 'gzip'))
  )
}

/** Bytes of a gzip message; undefined when it would have more than `limit`, a throw for what is no gzip. */
export function gunzip(bytes: Uint8Array, limit: number): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: Math.max(1, limit) })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw error
  }
}
