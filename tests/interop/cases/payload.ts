import assert from 'node:assert/strict'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  PayloadSchema,
  SimpleResponse,
  StreamingOutputCallRequestSchema,
  StreamingOutputCallResponse,
} from '../../../scripts/lib/gen/grpc/testing/messages_pb.ts'

/** Sizes of the suite's streams. */
export const requestSizes = [27_182, 8, 1828, 45_904] as const
export const responseSizes = [31_415, 9, 2653, 58_979] as const

export function zeros(size: number): MessageInitShape<typeof PayloadSchema> {
  return { body: new Uint8Array(size) }
}

export const largeRequest = {
  responseSize: 314_159,
  payload: zeros(271_828),
}

export function checkPayload(
  response: SimpleResponse | StreamingOutputCallResponse,
  size: number,
): void {
  const { payload } = response
  assert.equal(payload?.type ?? 0, 0, 'the type is COMPRESSABLE')
  assert.equal(payload?.body.length ?? 0, size, 'the size of the body')
}

export function turn(
  requestSize: number,
  ...sizes: readonly number[]
): MessageInitShape<typeof StreamingOutputCallRequestSchema> {
  return { responseParameters: sizes.map((size) => ({ size })), payload: zeros(requestSize) }
}
