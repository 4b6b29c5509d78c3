import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ErrorCode, TidemillError } from '@tidemill/core'
import type { DeciderDefinition } from '@tidemill/events'
import { specification } from '@tidemill/events/testing'
import { open, rejects } from './support.ts'

type Command = { readonly kind: 'deposit' | 'withdraw'; readonly amount: number }

const account: DeciderDefinition<number, Command> = {
  name: 'account',
  initial: () => 0,
  evolve: (balance, { type, data }) =>
    type === 'Deposited' ? balance + (data as number) : balance - (data as number),
  decide({ kind, amount }, balance) {
    if (amount === 0) return []
    if (kind === 'deposit') return [{ type: 'Deposited', data: amount }]
    if (amount > balance) throw new TidemillError('TM_TEST_OVERDRAWN', 'not so much')
    return [{ type: 'Withdrawn', data: amount }]
  },
}

describe('a decider by given, when, then', () => {
  const { given } = specification(account)
  const deposited = { type: 'Deposited', data: 10 }

  test('decides events', () => {
    given().when({ kind: 'deposit', amount: 10 }).then(deposited)
    given(deposited).when({ kind: 'withdraw', amount: 10 }).then({ type: 'Withdrawn', data: 10 })
  })
  test('decides nothing', () => given().when({ kind: 'deposit', amount: 0 }).thenNothing())
  test('refuses', () => {
    const when = given(deposited).when({ kind: 'withdraw', amount: 11 })
    when.thenRefused('TM_TEST_OVERDRAWN')
    when.thenRefused(/not so much/u)
  })
  test('tells when it is otherwise', () => {
    const when = given().when({ kind: 'deposit', amount: 1 })
    assert.throws(() => when.then(deposited))
    assert.throws(() => when.thenNothing())
    assert.throws(() => when.thenRefused('TM_TEST_OVERDRAWN' satisfies ErrorCode))
  })
})

test('loads, decides and appends, and gives the state after', async () => {
  await using opened = await open()
  const accounts = opened.store.decider(account)
  assert.deepEqual(await accounts.load('account-1'), { state: 0, version: 0 })
  const { state, version } = await accounts.handle('account-1', { kind: 'deposit', amount: 5 })
  assert.deepEqual([state, version], [5, 1])
  const nothing = await accounts.handle('account-1', { kind: 'deposit', amount: 0 })
  assert.deepEqual(nothing, { state: 5, version: 1, events: [] })
  await rejects(accounts.handle('account-1', { kind: 'withdraw', amount: 6 }), 'TM_TEST_OVERDRAWN')
})

test('decides again when somebody else was faster, but not when the caller named the version', async () => {
  await using opened = await open()
  const accounts = opened.store.decider(account)
  await Promise.all(
    [1, 2, 3].map((amount) => accounts.handle('account-1', { kind: 'deposit', amount })),
  )
  assert.equal((await accounts.load('account-1')).state, 6)
  const stale = accounts.handle('account-1', { kind: 'deposit', amount: 1 }, { expected: 1 })
  await rejects(stale, 'TM_EVENTS_WRONG_VERSION')
})

test('gives up after three repeats', async () => {
  await using opened = await open()
  const { store } = opened
  let decided = 0
  const unlucky = store.decider({
    ...account,
    decide(command: Command, balance: number) {
      decided++
      void store.append('account-1', [{ type: 'Deposited', data: 1 }])
      return account.decide(command, balance)
    },
  })
  await rejects(
    unlucky.handle('account-1', { kind: 'deposit', amount: 1 }),
    'TM_EVENTS_WRONG_VERSION',
  )
  assert.equal(decided, 4)
})

test('snapshots of long streams change nothing but the reading', async () => {
  await using opened = await open()
  const { store, database } = opened
  const accounts = store.decider(account)
  const deposits = Array.from({ length: 600 }, () => ({ type: 'Deposited', data: 1 }))
  await store.append('account-1', deposits)
  await accounts.handle('account-1', { kind: 'withdraw', amount: 100 })
  const [snapshot] = await database.query('SELECT version, state FROM tm_snapshot')
  assert.deepEqual(snapshot, { version: 600, state: '600' })
  assert.deepEqual(await accounts.load('account-1'), { state: 500, version: 601 })
  const other = store.decider({ ...account, evolve: (balance) => balance + 2 })
  assert.equal((await other.load('account-1')).state, 1202)
  await database.tx((tx) => tx.run('DELETE FROM tm_snapshot'))
  assert.deepEqual(await accounts.load('account-1'), { state: 500, version: 601 })
})

test('a command whose events were stored before gives the state and version of now', async () => {
  await using opened = await open()
  const { store } = opened
  const id = '0190a000-0000-7000-8000-000000000abc'
  const once = store.decider<number, null>({
    ...account,
    name: 'once',
    decide: () => [{ type: 'Deposited', data: 5, id }],
  })
  assert.equal((await once.handle('account-1', null)).version, 1)
  await store.append('account-1', [{ type: 'Deposited', data: 1 }])
  const { state, version } = await once.handle('account-1', null)
  assert.deepEqual({ state, version }, { state: 6, version: 2 })
})

test('a snapshot that cannot be read is as good as none', async () => {
  await using opened = await open()
  const { store, database } = opened
  const accounts = store.decider(account)
  const deposits = Array.from({ length: 600 }, () => ({ type: 'Deposited', data: 1 }))
  await store.append('account-1', deposits)
  await accounts.handle('account-1', { kind: 'deposit', amount: 0 })
  await database.tx((tx) => tx.run("UPDATE tm_snapshot SET state = '{'"))
  assert.deepEqual(await accounts.load('account-1'), { state: 600, version: 600 })
})

test('a state that is not JSON is simply not kept as a snapshot', async () => {
  await using opened = await open()
  const { store, database } = opened
  const sets = store.decider<Set<number>, null>({
    name: 'sets',
    initial: () => new Set(),
    evolve: (set, { version }) => set.add(version),
    decide: () => [],
  })
  await store.append(
    's-1',
    Array.from({ length: 600 }, () => ({ type: 'T', data: 1 })),
  )
  const { state } = await sets.handle('s-1', null)
  assert.equal(state.size, 600)
  assert.deepEqual(await database.query('SELECT * FROM tm_snapshot'), [])
})
