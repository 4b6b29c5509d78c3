import type { CallOutcome } from '../channel/call-outcome.ts'
import type { MessageCodec } from '../method.ts'
import { status } from '../status.ts'
import { gunzip } from '../wire/compression.ts'
import { badFlag } from '../wire/message-reader.ts'
import { localOutcome } from './response.ts'

/** A message or why there is none. */
export type Decoded = { readonly message: unknown } | { readonly failed: CallOutcome }

/** Decodes a compressed response; `encoding` is the `grpc-encoding` of the response's headers. */
export function decodeCompressed(
  codec: MessageCodec<unknown, unknown>,
  bytes: Buffer,
  encoding: string | undefined,
  limit: number,
): Decoded {
  try {
    if (encoding !== 'gzip') {
      return failed(
        status.INTERNAL,
        `a message is compressed with ${encoding ?? 'an encoding that was not named'}`,
      )
    }
    const plain = gunzip(bytes, limit)
    if (plain === undefined)
      return failed(
        status.RESOURCE_EXHAUSTED,
        `a message has more than ${limit} bytes uncompressed`,
      )
    return { message: codec.decode(plain, 0, plain.length) }
  } catch (error) {
    return { failed: undecodable(error) }
  }
}

export function undecodable(error: unknown): CallOutcome {
  return localOutcome(
    status.INTERNAL,
    `the response cannot be decoded: ${error instanceof Error ? error.message : String(error)}`,
  )
}

/** The outcome of a verdict of the message reader. */
export function verdictOutcome(verdict: number, length: number, limit: number): CallOutcome {
  return verdict === badFlag
    ? localOutcome(status.INTERNAL, 'a message has an invalid compressed flag')
    : localOutcome(
        status.RESOURCE_EXHAUSTED,
        `a message of ${length} bytes is larger than the ${limit} that are accepted`,
      )
}

function failed(code: number, message: string): Decoded {
  return { failed: localOutcome(code, message) }
}
