import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import { type EventStore, reactor, type ReactorDefinition } from '@tidemill/events'
import { open, rejects, throws } from './support.ts'

const poison = new TidemillError('TM_TEST_POISON', 'never')

function note(store: EventStore, stream: string, data = {}) {
  return store.append(stream, [{ type: 'Noted', data }])
}

function collecting(
  seen: string[],
  more: Partial<ReactorDefinition> = {},
): ReturnType<typeof reactor> {
  return reactor({
    name: 'mail',
    handle: async ({ stream, version, data }, { attempt }) => {
      seen.push(`${stream}/${version}${attempt === 1 ? '' : `#${attempt}`}`)
      const { fail = 0 } = data as { fail?: number }
      if (fail < 0) throw poison
      if (attempt <= fail) throw new Error('down')
    },
    ...more,
  })
}

test('begins at the end unless told to begin at the start', async () => {
  await using opened = await open()
  const { store } = opened
  await note(store, 's-1')
  const late: string[] = []
  const early: string[] = []
  const end = store.run(collecting(late, { name: 'late' }))
  const start = store.run(collecting(early, { name: 'early', from: 'start' }))
  await Promise.all([end.idle(), start.idle()])
  await note(store, 's-1')
  await Promise.all([end.idle(), start.idle()])
  assert.deepEqual(late, ['s-1/2'])
  assert.deepEqual(early, ['s-1/1', 's-1/2'])
})

test('handles events of one key in order and of several keys at the same time', async () => {
  await using opened = await open()
  const { store } = opened
  for (let n = 0; n < 3; n++) for (const s of ['a', 'b']) await note(store, `${s}-1`)
  const running = new Map<string, number>()
  const order: string[] = []
  let most = 0
  const processor = store.run(
    reactor({
      name: 'r',
      from: 'start',
      async handle({ stream, version }) {
        running.set(stream, (running.get(stream) ?? 0) + 1)
        most = Math.max(most, running.size)
        assert.equal(running.get(stream), 1)
        await Promise.resolve()
        running.delete(stream)
        order.push(`${stream}/${version}`)
      },
    }),
  )
  await processor.idle()
  assert.equal(most, 2)
  for (const s of ['a', 'b']) {
    assert.deepEqual(
      order.filter((one) => one.startsWith(s)),
      [`${s}-1/1`, `${s}-1/2`, `${s}-1/3`],
    )
  }
})

test('tries again with waits what fails outside, and parks what is refused', async () => {
  const clock = createVirtualClock()
  await using opened = await open({}, clock)
  const { store } = opened
  const seen: string[] = []
  await note(store, 's-1', { fail: 2 })
  await note(store, 's-2', { fail: -1 })
  await note(store, 's-2')
  const processor = store.run(collecting(seen, { from: 'start' }))
  while (processor.position < 3) await clock.advance(100)
  assert.deepEqual(seen.toSorted(), ['s-1/1', 's-1/1#2', 's-1/1#3', 's-2/1'])
  assert.deepEqual(
    (await processor.parked()).map(({ position, state, error }) => [position, state, error]),
    [
      [2, 'parked', '[TM_TEST_POISON] never'],
      [3, 'behind', ''],
    ],
  )
  assert.deepEqual(await processor.replay('s-2'), { done: 0, left: 2 })
  await processor.discard(2, 'known')
  assert.deepEqual(await processor.replay('s-2'), { done: 1, left: 0 })
  assert.deepEqual(seen.slice(-1), ['s-2/2'])
})

test('stops in front of a refused event when the policy says so', async () => {
  await using opened = await open()
  const { store } = opened
  await note(store, 's-1')
  await note(store, 's-2', { fail: -1 })
  const seen: string[] = []
  const processor = store.run(collecting(seen, { from: 'start', onPoison: 'stop' }))
  await rejects(processor.idle(), 'TM_EVENTS_PROCESSOR_STOPPED')
  assert.equal(processor.position, 1)
  await rejects(processor.rebuild(), 'TM_EVENTS_INVALID_DEFINITION')
})

test('a wrong reactor names every problem when it is run', async () => {
  await using opened = await open()
  const wrong = reactor({ name: '', concurrency: 0, handle: () => Promise.resolve() })
  throws(() => opened.store.run(wrong), 'TM_EVENTS_INVALID_DEFINITION')
})
