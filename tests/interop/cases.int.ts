/** The cases judge us, so they are judged here: a foreign implementation passes them, a faulty one does not. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { DescMessage, DescMethod } from '@bufbuild/protobuf'
import { freePort } from '../../scripts/engines/start.ts'
import { compressed, fillsServerId, go } from '../../scripts/judge/grpc-interop-cases.ts'
import type { Caller, CallOptions, OpenCall } from './caller.ts'
import { CallFailed } from './caller.ts'
import { cases } from './cases/table.ts'
import { grpcJsCaller } from './implementations/grpc-js-client.ts'
import { grpcJsServer } from './implementations/grpc-js-server.ts'

const soak = {
  iterations: 4,
  maxFailures: 0,
  acceptableMs: 5000,
  overallTimeoutMs: 20_000,
  minMsBetween: 0,
  requestSize: 1000,
  responseSize: 2000,
  threads: 2,
}

async function callerOf(t: TestContext): Promise<() => Caller> {
  const port = await freePort()
  const server = await grpcJsServer({ host: '127.0.0.1', port, tls: undefined })
  const callers: Caller[] = []
  t.after(async () => {
    for (const caller of callers) await caller.close()
    await server.close()
  })
  return () => {
    const caller = grpcJsCaller({ host: '127.0.0.1', port, tls: undefined })
    callers.push(caller)
    return caller
  }
}

/** A caller whose calls were changed by `tamper`. */
function faulty(
  caller: Caller,
  tamper: (call: OpenCall<never, never>) => Partial<OpenCall<never, never>>,
): Caller {
  return {
    close: () => caller.close(),
    open<I extends DescMessage, O extends DescMessage>(
      method: DescMethod & { readonly input: I; readonly output: O },
      options?: CallOptions,
    ) {
      const call = caller.open(method, options)
      return { ...call, ...tamper(call as OpenCall<never, never>) } as typeof call
    },
  }
}

test('every case that grpc-js can run passes between grpc-js and grpc-js', async (t) => {
  const connect = await callerOf(t)
  for (const name of [...go, ...fillsServerId]) {
    await t.test(name, async () => {
      await cases[name]?.({ caller: connect(), connect, soak })
    })
  }
})

test('the compressed cases fail where nothing is ever compressed', async (t) => {
  const connect = await callerOf(t)
  for (const name of compressed) {
    await t.test(name, () =>
      assert.rejects(async () => cases[name]?.({ caller: connect(), connect, soak })),
    )
  }
})

const endings = [
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'unimplemented_method',
  'unimplemented_service',
]

test('a client that takes every end for success or for another status fails the cases about ends', async (t) => {
  const connect = await callerOf(t)
  const lenient = (call: OpenCall<never, never>): Partial<OpenCall<never, never>> => ({
    receive: () => call.receive().catch(() => undefined),
  })
  const confused = (call: OpenCall<never, never>): Partial<OpenCall<never, never>> => ({
    receive: () =>
      call.receive().catch(() => {
        throw new CallFailed(15, 'lost')
      }),
  })
  for (const tamper of [lenient, confused]) {
    for (const name of endings) {
      const caller = faulty(connect(), tamper)
      await t.test(name, () => assert.rejects(async () => cases[name]?.({ caller, connect, soak })))
    }
  }
})

test('a client that loses metadata or a response fails the cases that look for them', async (t) => {
  const connect = await callerOf(t)
  const run = async (name: string, tampered: Partial<OpenCall<never, never>>): Promise<void> => {
    const caller = faulty(connect(), () => tampered)
    await cases[name]?.({ caller, connect, soak })
  }
  const nothing = { header: () => Promise.resolve([]), trailer: () => Promise.resolve([]) }
  await assert.rejects(run('custom_metadata', nothing))
  await assert.rejects(run('orca_per_rpc', nothing))
  const empty = { receive: () => Promise.resolve(undefined) }
  for (const name of ['empty_unary', 'large_unary', 'client_streaming', 'ping_pong', 'rpc_soak']) {
    await assert.rejects(run(name, empty), name)
  }
})
