import { TidemillError } from '@tidemill/core'
import { type CallOptions, isRpcError, rpcErrorOf, tidemillErrorOf } from '@tidemill/rpc'
import type { HopLog } from '../hop-log.ts'
import type { CallScope } from './call-scope.ts'

/** Carries the id under which the callee notes what it does for the call. */
export const keyHeader = 'x-shop-key'

/** A call from one service to another: with the scope's deadline, noted, and failing with the callee's own error. */
export async function callService<T>(
  hops: HopLog,
  start: { readonly from: string; readonly to: string; readonly call: string },
  { key, timeoutMs, signal }: CallScope,
  call: (options: CallOptions) => Promise<T>,
): Promise<T> {
  const options: CallOptions = {
    ...(key === undefined ? {} : { metadata: { [keyHeader]: key } }),
    ...(timeoutMs === undefined ? {} : { deadline: timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  }
  try {
    return await hops.follow(key, { ...start, leftMs: timeoutMs }, () => call(options))
  } catch (error) {
    throw (isRpcError(error) ? tidemillErrorOf(error) : undefined) ?? error
  }
}

/** A service's answer to such a call: a coded error reaches the caller as it is. */
export async function answerService<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw TidemillError.is(error) && !isRpcError(error) ? rpcErrorOf(error) : error
  }
}
