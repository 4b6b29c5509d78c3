import assert from 'node:assert/strict'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import type { Caller } from '../caller.ts'
import { next, unary } from '../calls.ts'
import { checkPayload, largeRequest, requestSizes, responseSizes, turn, zeros } from './payload.ts'

export async function emptyUnary(caller: Caller): Promise<void> {
  const { message } = await unary(caller, TestService.method.emptyCall, {})
  assert.equal(message.$unknown, undefined, 'the response holds nothing')
}

export async function largeUnary(caller: Caller): Promise<void> {
  const { message } = await unary(caller, TestService.method.unaryCall, largeRequest)
  checkPayload(message, 314_159)
}

export async function clientStreaming(caller: Caller): Promise<void> {
  const call = caller.open(TestService.method.streamingInputCall)
  for (const size of requestSizes) await call.send({ payload: zeros(size) })
  call.end()
  const { message } = await next(call)
  assert.equal(message.aggregatedPayloadSize, 74_922)
  assert.equal(await call.receive(), undefined)
}

export async function serverStreaming(caller: Caller): Promise<void> {
  const call = caller.open(TestService.method.streamingOutputCall)
  await call.send(turn(0, ...responseSizes))
  call.end()
  for (const size of responseSizes) {
    const { message } = await next(call)
    checkPayload(message, size)
  }
  assert.equal(await call.receive(), undefined)
}

export async function pingPong(caller: Caller): Promise<void> {
  const call = caller.open(TestService.method.fullDuplexCall)
  for (const [index, size] of requestSizes.entries()) {
    const responseSize = responseSizes[index] ?? 0
    await call.send(turn(size, responseSize))
    const { message } = await next(call)
    checkPayload(message, responseSize)
  }
  call.end()
  assert.equal(await call.receive(), undefined)
}

export async function emptyStream(caller: Caller): Promise<void> {
  const call = caller.open(TestService.method.fullDuplexCall)
  call.end()
  assert.equal(await call.receive(), undefined)
}

export async function pickFirstUnary(caller: Caller): Promise<void> {
  const ids = new Set<string>()
  for (let count = 0; count < 100; count++) {
    const { message } = await unary(
      caller,
      TestService.method.unaryCall,
      { responseSize: 1, payload: zeros(1), fillServerId: true },
      { timeoutMs: 30_000 },
    )
    assert.notEqual(message.serverId, '')
    ids.add(message.serverId)
  }
  assert.equal(ids.size, 1)
}
