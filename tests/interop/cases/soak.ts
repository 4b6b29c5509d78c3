import assert from 'node:assert/strict'
import { TestService } from '../../../scripts/lib/gen/grpc/testing/test_pb.ts'
import type { Caller } from '../caller.ts'
import { unary } from '../calls.ts'
import { checkPayload, zeros } from './payload.ts'

export interface SoakOptions {
  readonly iterations: number
  readonly maxFailures: number
  /** A slower iteration is a failure. */
  readonly acceptableMs: number
  readonly overallTimeoutMs: number
  /** Each thread starts its next call at least this long after its last. */
  readonly minMsBetween: number
  readonly requestSize: number
  readonly responseSize: number
  /** Must divide the iterations. */
  readonly threads: number
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Large unary calls in a loop; `each` gives the channel of an iteration. */
async function soak(options: SoakOptions, each: () => Caller): Promise<void> {
  const { iterations, threads } = options
  assert.equal(iterations % threads, 0, 'the iterations must divide by the threads')
  const deadline = performance.now() + options.overallTimeoutMs
  const failures: string[] = []
  let ran = 0
  const iteration = async (): Promise<void> => {
    const began = performance.now()
    const { message } = await unary(each(), TestService.method.unaryCall, {
      payload: zeros(options.requestSize),
      responseSize: options.responseSize,
    })
    checkPayload(message, options.responseSize)
    const took = performance.now() - began
    assert.ok(took <= options.acceptableMs, `took ${took.toFixed(0)} ms`)
  }
  const thread = async (): Promise<void> => {
    for (let index = 0; index < iterations / threads && performance.now() < deadline; index++) {
      const earliest = performance.now() + options.minMsBetween
      await iteration().catch((error: unknown) => failures.push(String(error)))
      ran++
      await pause(Math.max(0, earliest - performance.now()))
    }
  }
  await Promise.all(Array.from({ length: threads }, thread))
  assert.equal(ran, iterations, 'all iterations ran in time')
  assert.ok(failures.length <= options.maxFailures, failures.join('\n'))
}

export function rpcSoak(caller: Caller, options: SoakOptions): Promise<void> {
  return soak(options, () => caller)
}

/** A new channel per iteration; all stay open to the end. */
export async function channelSoak(connect: () => Caller, options: SoakOptions): Promise<void> {
  const callers: Caller[] = []
  try {
    await soak(options, () => {
      const caller = connect()
      callers.push(caller)
      return caller
    })
  } finally {
    await Promise.all(callers.map((caller) => caller.close()))
  }
}
