import { openDatabase } from '@tidemill/sql'
import { sagaContract } from '../src/testing/index.ts'

sagaContract('sqlite', ({ clock }) => openDatabase({ url: 'sqlite::memory:', clock }))
