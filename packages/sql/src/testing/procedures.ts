import { TidemillError } from '@tidemill/core'
import { type Procedure, procedure, type SqlValue, type Tx } from '../program.ts'

export interface NoteInput {
  readonly id: number
  readonly text?: string
  /** What goes wrong after the row was written. */
  readonly fail?: 'coded' | 'plain' | 'output'
}

/** Writes one row, notifies `notes`, and gives its place in the order of commits. */
export const addNote: Procedure<NoteInput, unknown> = procedure(
  import.meta.url,
  'addNote',
  function* (tx: Tx, input: NoteInput) {
    yield* tx.run('UPDATE counter SET value = value + 1 WHERE id = 1')
    const row = yield* tx.get<{ value: number }>('SELECT value FROM counter WHERE id = 1')
    yield* tx.run(
      'INSERT INTO note (id, place, body) VALUES (?, ?, ?)',
      input.id,
      row?.value ?? null,
      input.text ?? null,
    )
    tx.notify('notes')
    if (input.fail === 'coded') {
      const details = { id: input.id, big: 2n ** 60n }
      throw new TidemillError('TM_TEST_REFUSED', 'refused', { hint: 'do not', details, http: 422 })
    }
    if (input.fail === 'plain') throw new RangeError('a mistake')
    return input.fail === 'output' ? () => input.id : row?.value
  },
)

/** Writes rows in nested savepoints; those asked for are undone. */
export const addNested: Procedure<{ readonly undo: readonly number[] }, number> = procedure(
  import.meta.url,
  'addNested',
  function* (tx: Tx, { undo }: { readonly undo: readonly number[] }) {
    let undone = 0
    for (const id of [1, 2, 3]) {
      try {
        yield* tx.savepoint(function* () {
          yield* tx.run('INSERT INTO note (id) VALUES (?)', id)
          yield* tx.savepoint(function* () {
            yield* tx.run('INSERT INTO note (id) VALUES (?)', id + 10)
          })
          tx.notify(`note-${id}`)
          if (undo.includes(id)) throw new Error('undo')
        })
      } catch {
        undone++
      }
    }
    return undone
  },
)

/** Writes a value of every kind and reads it back in the same transaction. */
export const echoValue: Procedure<
  { readonly whole: SqlValue; readonly body: SqlValue; readonly raw: SqlValue },
  unknown
> = procedure(
  import.meta.url,
  'echoValue',
  function* (
    tx: Tx,
    input: { readonly whole: SqlValue; readonly body: SqlValue; readonly raw: SqlValue },
  ) {
    yield* tx.run('DELETE FROM sample')
    yield* tx.run(
      'INSERT INTO sample (id, whole, body, raw) VALUES (1, ?, ?, ?)',
      input.whole,
      input.body,
      input.raw,
    )
    return yield* tx.get('SELECT whole, body, raw FROM sample WHERE id = 1')
  },
)

/** Gives what time the transaction thinks it is, twice. */
export const readNow: Procedure<null, readonly number[]> = procedure(
  import.meta.url,
  'readNow',
  function* (tx: Tx) {
    const before = tx.now
    yield* tx.all('SELECT id FROM note')
    return [before, tx.now]
  },
)

/** Runs whatever statement it is given. */
export const runStatement: Procedure<{ readonly sql: string }, number> = procedure(
  import.meta.url,
  'runStatement',
  function* (tx: Tx, { sql }: { readonly sql: string }) {
    return (yield* tx.run(sql)).changes
  },
)

export const notAProcedure: { readonly name: string } = { name: 'notAProcedure' }
