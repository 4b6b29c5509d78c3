import type { Problem } from '@tidemill/core'
import { kvErrors } from './errors.ts'
import type { CallOptions, TxnBuilder, TxnRequest, TxnResult } from './kv.ts'
import type { Compare, Op, TxnOp } from './operation.ts'

/** The builder that every engine's `txn()` returns; `send` runs the finished transaction. */
export function createTxnBuilder(
  request: TxnRequest | undefined,
  send: (txn: TxnOp, options: CallOptions | undefined) => Promise<TxnResult>,
): TxnBuilder {
  const compares: Compare[] = [...(request?.compare ?? [])]
  const success: Op[] = [...(request?.success ?? [])]
  const failure: Op[] = [...(request?.failure ?? [])]
  const builder: TxnBuilder = {
    if(...more) {
      compares.push(...more)
      return builder
    },
    // oxlint-disable-next-line unicorn/no-thenable -- if/then/else are the words of the port; an await is caught below
    then(...more) {
      if (more.some((item) => typeof item === 'function')) throw awaited()
      success.push(...more)
      return builder
    },
    else(...more) {
      failure.push(...more)
      return builder
    },
    commit: (options) => send({ kind: 'txn', compare: compares, success, failure }, options),
  }
  return builder
}

/** `await kv.txn()...` without commit() calls `then` with two functions: say so instead of hanging for ever. */
function awaited(): Error {
  const problem: Problem = { path: '/then', message: 'a transaction is awaited after commit()' }
  return kvErrors.error('TM_KV_ARGUMENT', { what: 'txn', problems: [problem] })
}
