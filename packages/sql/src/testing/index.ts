export type { Faults } from '../sqlite/messages.ts'
export { openTestDatabase, type TestDatabase } from './test-database.ts'
