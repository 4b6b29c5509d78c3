export type { Faults } from '../sqlite/messages.ts'
export { type ContractOptions, databaseContract, type OpenForContract } from './contract.ts'
export { openTestDatabase, type TestDatabase } from './test-database.ts'
