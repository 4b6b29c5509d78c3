import { describe } from 'node:test'
import type { Kv } from '../kv.ts'
import { dataContract } from './data-contract.ts'
import { leaseContract } from './lease-contract.ts'
import { type ContractOptions, subjectOf } from './subject.ts'
import { watchContract } from './watch-contract.ts'

export type { Retention } from '../sqlite/compaction.ts'
export type { HistoryPage } from '../sqlite/protocol.ts'
export { openTestStore, type TestStore, type TestStoreOptions } from './store.ts'
export type { ContractOptions } from './subject.ts'

/**
 * The contract of the port as node:test suites: every engine runs it. `open` gives a store that nobody else writes to
 * while a test runs (it need not be empty of other keys or at revision 1); the contract closes it.
 */
export function kvContract(
  name: string,
  open: () => Promise<Kv>,
  options: ContractOptions = {},
): void {
  const subject = subjectOf(open, options)
  describe(`kv contract: ${name}`, () => {
    dataContract(subject)
    watchContract(subject)
    leaseContract(subject)
  })
}
