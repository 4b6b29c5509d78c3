import assert from 'node:assert/strict'
import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import {
  CallFailed,
  type Caller,
  type CallOptions,
  type OpenCall,
  type Pairs,
  type Received,
} from './caller.ts'

export interface UnaryOptions extends CallOptions {
  readonly compressed?: boolean
}

export interface UnaryResult<O> extends Received<O> {
  header(name: string): Promise<Pairs[number][1][]>
  trailer(name: string): Promise<Pairs[number][1][]>
}

/** One request, one response. */
export async function unary<I extends DescMessage, O extends DescMessage>(
  caller: Caller,
  method: DescMethod & { readonly input: I; readonly output: O },
  request: MessageInitShape<I>,
  options: UnaryOptions = {},
): Promise<UnaryResult<MessageShape<O>>> {
  const call = caller.open(method, options)
  await call.send(request, { compressed: options.compressed ?? false })
  call.end()
  const received = await call.receive()
  assert.ok(received !== undefined, 'a status of OK without a response')
  assert.equal(await call.receive(), undefined, 'a second response')
  return {
    ...received,
    header: (name) => call.header(name),
    trailer: (name) => call.trailer(name),
  }
}

/** The next response; fails when the call has ended. */
export async function next<O>(call: OpenCall<never, O>): Promise<Received<O>> {
  const received = await call.receive()
  assert.ok(received !== undefined, 'the call ended with OK before its response')
  return received
}

/** Fails unless the work ends with the status. */
export async function fails(work: Promise<unknown>, code: number, details?: string): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof CallFailed)) throw error
    assert.equal(error.code, code, `status ${error.code} (${error.details})`)
    if (details !== undefined) assert.equal(error.details, details)
    return
  }
  assert.fail(`succeeded, expected status ${code}`)
}
