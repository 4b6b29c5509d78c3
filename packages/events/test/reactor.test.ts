import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createVirtualClock, TidemillError } from '@tidemill/core'
import { type EventStore, type Processor, reactor, type ReactorDefinition } from '@tidemill/events'
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

test('an event that cannot be read, or has no key, is parked like one that is refused', async () => {
  await using opened = await open()
  const { store, database } = opened
  for (const stream of ['s-1', 's-2', 's-3']) await note(store, stream)
  await database.tx((tx) => tx.run("UPDATE tm_event SET data = '{' WHERE pos = 1"))
  const seen: string[] = []
  const key = ({ stream }: { stream: string }): string => {
    if (stream === 's-2') throw new Error('no key')
    return stream
  }
  const processor = store.run(collecting(seen, { from: 'start', key }))
  await processor.idle()
  assert.deepEqual(seen, ['s-3/1'])
  const errors = (await processor.parked()).map(({ error }) => error)
  assert.match(errors[0] ?? '', /TM_EVENTS_STORED_PAYLOAD/u)
  assert.match(errors[1] ?? '', /no key/u)
  assert.deepEqual(await processor.replay('s-1'), { done: 0, left: 1 })
})

/** Handles its first event until the test says so, and notes when the signal aborts. */
function hanging(): {
  readonly reactor: ReturnType<typeof reactor>
  readonly begun: Promise<void>
  readonly aborted: Promise<unknown>
} {
  const begun = Promise.withResolvers<void>()
  const aborted = Promise.withResolvers<unknown>()
  const handle = (_event: unknown, { signal }: { signal: AbortSignal }): Promise<void> => {
    signal.addEventListener('abort', () => aborted.resolve(signal.reason))
    begun.resolve()
    return new Promise(() => undefined)
  }
  return {
    reactor: reactor({ name: 'hanging', from: 'start', handle }),
    begun: begun.promise,
    aborted: aborted.promise,
  }
}

test('a handler that does not end holds a close up for 5 seconds, no more', async () => {
  const clock = createVirtualClock()
  await using opened = await open({}, clock)
  const { store } = opened
  await note(store, 's-1')
  const { reactor: stuck, begun } = hanging()
  const processor = store.run(stuck)
  await begun
  const closing = processor.close()
  await clock.advance(5000)
  await closing
  assert.equal(clock.pending, 0)
})

test('a handler hears when its processor loses the lease', async () => {
  const clock = createVirtualClock()
  await using opened = await open({}, clock)
  const { store, database } = opened
  await note(store, 's-1')
  const { reactor: stuck, begun, aborted } = hanging()
  const processor = store.run(stuck)
  await begun
  await database.tx((tx) =>
    tx.run(
      'UPDATE tm_checkpoint SET fence = fence + 1, owner = ?, lease_until = ?',
      `${process.pid}-${performance.timeOrigin}/other`,
      clock.now() + 60_000,
    ),
  )
  await clock.advance(5000)
  assert.equal(((await aborted) as { code: string }).code, 'TM_EVENTS_FENCED')
  while (processor.state !== 'standby') await clock.advance(20)
})

test('an event that is discarded while it is replayed stays discarded', async () => {
  await using opened = await open()
  const { store } = opened
  let processor: Processor | undefined
  await note(store, 's-1')
  processor = store.run(
    reactor({
      name: 'r',
      from: 'start',
      async handle({ position }) {
        if (processor?.position === 1) await processor.discard(position, 'given up')
        throw poison
      },
    }),
  )
  await processor.idle()
  await processor.replay('s-1')
  const [left] = await processor.parked()
  assert.deepEqual([left?.state, left?.error], ['discarded', 'given up'])
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
