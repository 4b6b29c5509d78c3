import assert from 'node:assert/strict'
import { realClock, TidemillError } from '@tidemill/core'
import { text } from '../bytes.ts'
import type { KvErrorCode } from '../errors.ts'
import type { Batch, Kv, Watch } from '../kv.ts'

export interface ContractOptions {
  /** Lets that much of the store's time pass; default waits for it. An engine on a virtual clock moves that. */
  readonly passTime?: (kv: Kv, ms: number) => Promise<void>
}

/** What a contract test stands on. `open` gives a store that nobody else writes to while the test runs. */
export interface Subject {
  readonly open: () => Promise<Kv>
  readonly passTime: (kv: Kv, ms: number) => Promise<void>
}

export function subjectOf(open: () => Promise<Kv>, options: ContractOptions): Subject {
  return { open, passTime: options.passTime ?? ((_kv, ms) => realClock.sleep(ms)) }
}

/** Opens, runs, closes also when the test fails. */
export async function using(subject: Subject, run: (kv: Kv) => Promise<void>): Promise<void> {
  const kv = await subject.open()
  try {
    await run(kv)
  } finally {
    await kv.close()
  }
}

/** Asserts the code of a refusal and, when given, what etcd says for it. */
export async function refused(
  call: Promise<unknown>,
  code: KvErrorCode,
  etcd?: { readonly grpcCode: number; readonly etcdMessage: string },
): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(TidemillError.is(error), String(error))
    assert.equal(error.code, code)
    if (etcd !== undefined) {
      assert.equal(error.details['grpcCode'], etcd.grpcCode)
      assert.equal(error.details['etcdMessage'], etcd.etcdMessage)
    }
    return true
  })
}

/** `put a=1@5` or `delete a@6`, for every change of the batch. */
export function lines(batch: Batch): string[] {
  return batch.changes.map((change) => {
    const value = change.kv === undefined ? '' : `=${text(change.kv.value)}`
    return `${change.type} ${text(change.key)}${value}@${change.revisions[1]}`
  })
}

/** Reads batches until the watch has seen `revision`; the changes as lines. */
export async function readUntil(watch: Watch, revision: number): Promise<string[]> {
  const seen: string[] = []
  for await (const batch of watch) {
    seen.push(...lines(batch))
    if (batch.revision >= revision) break
  }
  return seen
}
