import { type Procedure, procedure, type Tx } from '@tidemill/sql'

export interface Fill {
  readonly id: number
  readonly size?: number
  /** Leaves a row that breaks a constraint only when COMMIT looks. */
  readonly poison?: boolean
}

/** Writes a row of any size into `item`. */
export const fill: Procedure<Fill, number> = procedure(
  import.meta.url,
  'fill',
  function* (tx: Tx, { id, size = 10, poison = false }: Fill) {
    yield* tx.run('INSERT INTO item (id, body) VALUES (?, zeroblob(?))', id, size)
    if (poison) yield* tx.run('INSERT INTO child (id, parent) VALUES (?, ?)', id, -1)
    tx.notify('items')
    return id
  },
)

/** Swallows whatever goes wrong with its statement, and goes on writing. */
export const stubborn: Procedure<{ readonly id: number; readonly sql: string }, string> = procedure(
  import.meta.url,
  'stubborn',
  function* (tx: Tx, { id, sql }: { readonly id: number; readonly sql: string }) {
    let outcome = 'done'
    try {
      yield* tx.run(sql)
    } catch (error) {
      outcome = String(error)
    }
    yield* tx.run('INSERT INTO item (id) VALUES (?)', id)
    return outcome
  },
)

/** Gives back something that cannot cross to another thread, after writing. */
export const giveFunction: Procedure<{ readonly id: number }, unknown> = procedure(
  import.meta.url,
  'giveFunction',
  function* (tx: Tx, { id }: { readonly id: number }) {
    yield* tx.run('INSERT INTO item (id) VALUES (?)', id)
    return () => id
  },
)

export interface Transfer {
  readonly from: number
  readonly to: number
  readonly amount: number
  readonly fail: boolean
}

/** Moves money between two accounts; throws after having taken it when asked to, or when it is not there. */
export const transfer: Procedure<Transfer, number> = procedure(
  import.meta.url,
  'transfer',
  function* (tx: Tx, { from, to, amount, fail }: Transfer) {
    yield* tx.run('UPDATE account SET amount = amount - ? WHERE id = ?', amount, from)
    const left = yield* tx.get<{ amount: number }>('SELECT amount FROM account WHERE id = ?', from)
    if (fail || left === undefined || left.amount < 0) throw new RangeError('refused')
    yield* tx.run('UPDATE account SET amount = amount + ? WHERE id = ?', amount, to)
    return left.amount
  },
)

export interface Weigh {
  readonly value: unknown
}

/** Writes a row and gives back what it was given. */
export const mirror: Procedure<Weigh, unknown> = procedure(
  import.meta.url,
  'mirror',
  function* (tx: Tx, { value }: Weigh) {
    yield* tx.run('UPDATE account SET amount = amount WHERE id = 1')
    return value
  },
)

/** Changes the schema, reads through the new one, and may throw after that. */
export const reshape: Procedure<{ readonly fail: boolean }, object | undefined> = procedure(
  import.meta.url,
  'reshape',
  function* (tx: Tx, { fail }: { readonly fail: boolean }) {
    yield* tx.all('ALTER TABLE account RENAME COLUMN amount TO pence')
    const row = yield* tx.get('SELECT * FROM account WHERE id = 1')
    if (fail) throw new RangeError('undo')
    return row
  },
)

export const readAccount: Procedure<null, object | undefined> = procedure(
  import.meta.url,
  'readAccount',
  function* (tx: Tx) {
    return yield* tx.get('SELECT * FROM account WHERE id = 1')
  },
)

/** Binds one value and reads it back. */
export const bind: Procedure<{ readonly value: number }, unknown> = procedure(
  import.meta.url,
  'bind',
  function* (tx: Tx, { value }: { readonly value: number }) {
    return (yield* tx.get('SELECT ? AS value', value))?.['value']
  },
)

/** Writes a row, notifies `thrown`, and throws. */
export const writeAndThrow: Procedure<{ readonly id: number }, never> = procedure(
  import.meta.url,
  'writeAndThrow',
  function* (tx: Tx, { id }: { readonly id: number }) {
    yield* tx.run('INSERT INTO item (id) VALUES (?)', id)
    tx.notify('thrown')
    throw new RangeError('after writing')
  },
)

let moods = 0

/** Throws each first time that it is run; a program should not, but what it answers at last is what counts. */
export const moody: Procedure<null, string> = procedure(
  import.meta.url,
  'moody',
  function* (tx: Tx) {
    yield* tx.get('SELECT 1')
    if (moods++ % 2 === 0) throw new RangeError('first try')
    return 'second try'
  },
)
