import { eventStoreContract } from '@tidemill/events/testing'
import { open } from './support.ts'

eventStoreContract('SQLite in memory', () => open())
