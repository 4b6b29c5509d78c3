import { openDatabase } from '@tidemill/sql'
import { sagaContract } from '@tidemill/saga/testing'

sagaContract('sqlite', ({ clock }) => openDatabase({ url: 'sqlite::memory:', clock }))
