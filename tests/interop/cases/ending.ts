import assert from 'node:assert/strict'
import { TestService, UnimplementedService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import { type Caller, CallFailed } from '../caller.ts'
import { fails, next, unary } from '../calls.ts'
import { checkPayload, turn, zeros } from './payload.ts'

const cancelled = 1
const unknown = 2
const deadlineExceeded = 4
const unimplemented = 12

const echo = 'test status message'
const special = '\t\ntest with whitespace\r\nand Unicode BMP \u{263A} and non-BMP \u{1F608}\t\n'

const initialName = 'x-grpc-test-echo-initial'
const trailingName = 'x-grpc-test-echo-trailing-bin'

export async function timeoutOnSleepingServer(caller: Caller): Promise<void> {
  const call = caller.open(TestService.method.fullDuplexCall, { timeoutMs: 1 })
  // The deadline may pass before or while the message is sent.
  await call.send(turn(27_182)).catch((error: unknown) => {
    if (!(error instanceof CallFailed)) throw error
  })
  await fails(call.receive(), deadlineExceeded)
}

export async function cancelAfterBegin(caller: Caller): Promise<void> {
  const metadata = [
    ['key1', 'value1'],
    ['key2', 'value2'],
  ] as const
  const call = caller.open(TestService.method.streamingInputCall, { metadata })
  call.cancel()
  await fails(call.receive(), cancelled)
}

export async function cancelAfterFirstResponse(caller: Caller): Promise<void> {
  const call = caller.open(TestService.method.fullDuplexCall)
  await call.send(turn(27_182, 31_415))
  const { message } = await next(call)
  checkPayload(message, 31_415)
  call.cancel()
  await fails(call.receive(), cancelled)
}

export async function statusCodeAndMessage(caller: Caller): Promise<void> {
  const responseStatus = { code: unknown, message: echo }
  await fails(unary(caller, TestService.method.unaryCall, { responseStatus }), unknown, echo)
  const call = caller.open(TestService.method.fullDuplexCall)
  await call.send({ responseStatus })
  call.end()
  await fails(call.receive(), unknown, echo)
}

export async function specialStatusMessage(caller: Caller): Promise<void> {
  const responseStatus = { code: unknown, message: special }
  const call = unary(
    caller,
    TestService.method.unaryCall,
    { responseStatus },
    { timeoutMs: 10_000 },
  )
  await fails(call, unknown, special)
}

export async function customMetadata(caller: Caller): Promise<void> {
  const initial = 'test_initial_metadata_value'
  const trailing = new Uint8Array([10, 11, 10, 11, 10, 11])
  const metadata = [
    [initialName, initial],
    [trailingName, trailing],
  ] as const
  const request = { responseSize: 1, payload: zeros(1) }
  const answer = await unary(caller, TestService.method.unaryCall, request, { metadata })
  assert.deepEqual(await answer.header(initialName), [initial])
  assert.deepEqual(await answer.trailer(trailingName), [trailing])
  const call = caller.open(TestService.method.fullDuplexCall, { metadata })
  await call.send(turn(1, 1))
  const { message } = await next(call)
  checkPayload(message, 1)
  call.end()
  assert.equal(await call.receive(), undefined)
  assert.deepEqual(await call.header(initialName), [initial])
  assert.deepEqual(await call.trailer(trailingName), [trailing])
}

export async function unimplementedMethod(caller: Caller): Promise<void> {
  await fails(unary(caller, TestService.method.unimplementedCall, {}), unimplemented)
}

export async function unimplementedService(caller: Caller): Promise<void> {
  await fails(unary(caller, UnimplementedService.method.unimplementedCall, {}), unimplemented)
}
