// Apart from the tests: the database thread imports this module, and would register them a second time.
import { TidemillError } from '@tidemill/core'
import {
  type AppendManyInput,
  appendManyProgram,
  appendProgram,
  loadProgram,
  type StoredEvent,
} from '@tidemill/events'
import { type Program, procedure, type Tx } from '@tidemill/sql'

const event = { type: 'Noted', data: 1 } as const

export const placeOrder = procedure(
  import.meta.url,
  'placeOrder',
  function* (tx: Tx, input: { fail: boolean }): Program<StoredEvent[]> {
    yield* tx.run('INSERT INTO orders (id) VALUES (?)', 'o-1')
    yield* appendProgram(tx, { stream: 'order-1', events: [event, event], expected: 'none' })
    yield* appendManyProgram(tx, { appends: [{ stream: 'log', events: [event] }] })
    if (input.fail) throw new TidemillError('TM_TEST_FAIL', 'no')
    return yield* loadProgram(tx, { stream: 'order-1' })
  },
)

export const appendAndShrug = procedure(
  import.meta.url,
  'appendAndShrug',
  function* (tx: Tx, input: AppendManyInput): Program<string> {
    try {
      yield* appendManyProgram(tx, input)
      return 'went'
    } catch (error) {
      return TidemillError.is(error) ? error.code : String(error)
    }
  },
)

export const appendOnce = procedure(import.meta.url, 'appendOnce', appendProgram)
