import assert from 'node:assert/strict'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import type { Caller } from '../caller.ts'
import { fails, next, unary } from '../calls.ts'
import { checkPayload, largeRequest, zeros } from './payload.ts'

const invalidArgument = 3
const yes = { value: true } as const
const no = { value: false } as const

export async function clientCompressedUnary(caller: Caller): Promise<void> {
  const { unaryCall } = TestService.method
  // The probe: a server that does not look would let it pass.
  const probe = unary(caller, unaryCall, { ...largeRequest, expectCompressed: yes })
  await fails(probe, invalidArgument)
  for (const compressed of [true, false]) {
    const request = { ...largeRequest, expectCompressed: { value: compressed } }
    const { message } = await unary(caller, unaryCall, request, { gzip: true, compressed })
    checkPayload(message, 314_159)
  }
}

export async function serverCompressedUnary(caller: Caller): Promise<void> {
  for (const value of [true, false]) {
    const request = { ...largeRequest, responseCompressed: { value } }
    const received = await unary(caller, TestService.method.unaryCall, request, {
      tellCompressed: true,
    })
    assert.equal(received.compressed, value, 'the compressed flag')
    checkPayload(received.message, 314_159)
  }
}

export async function clientCompressedStreaming(caller: Caller): Promise<void> {
  const { streamingInputCall } = TestService.method
  const first = { payload: zeros(27_182), expectCompressed: yes }
  const probe = caller.open(streamingInputCall)
  // The server may have refused before this returns.
  await probe.send(first).catch(() => undefined)
  probe.end()
  await fails(probe.receive(), invalidArgument)
  const call = caller.open(streamingInputCall, { gzip: true })
  await call.send(first, { compressed: true })
  await call.send({ payload: zeros(45_904), expectCompressed: no }, { compressed: false })
  call.end()
  const { message } = await next(call)
  assert.equal(message.aggregatedPayloadSize, 73_086)
  assert.equal(await call.receive(), undefined)
}

export async function serverCompressedStreaming(caller: Caller): Promise<void> {
  const call = caller.open(TestService.method.streamingOutputCall)
  const responseParameters = [
    { size: 31_415, compressed: yes },
    { size: 92_653, compressed: no },
  ]
  await call.send({ responseParameters })
  call.end()
  for (const { size, compressed } of responseParameters) {
    const received = await next(call)
    assert.equal(received.compressed, compressed.value, 'the compressed flag')
    checkPayload(received.message, size)
  }
  assert.equal(await call.receive(), undefined)
}
