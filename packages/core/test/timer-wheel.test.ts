import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Clock,
  createTimerWheel,
  createVirtualClock,
  sharedTimerWheel,
  TidemillError,
} from '@tidemill/core'
import fc from 'fast-check'

test('a timer fires once, not early and at most one tick late', async () => {
  const clock = createVirtualClock()
  const wheel = createTimerWheel({ clock, tickMs: 5 })
  const fired: number[] = []
  const timer = wheel.timer(() => fired.push(clock.monotonic()))
  timer.start(12)
  assert.equal(timer.active, true)
  await clock.advance(11)
  assert.deepEqual(fired, [])
  await clock.advance(1000)
  assert.equal(fired.length, 1)
  assert.ok((fired[0] ?? 0) >= 12 && (fired[0] ?? 0) <= 17)
  assert.equal(timer.active, false)
})

test('starting again moves a timer, stopping ends it', async () => {
  const clock = createVirtualClock()
  const wheel = createTimerWheel({ clock })
  const fired: string[] = []
  const moved = wheel.timer(() => fired.push('moved'))
  const stopped = wheel.timer(() => fired.push('stopped'))
  moved.start(10)
  stopped.start(10)
  moved.start(100)
  stopped.stop()
  stopped.stop()
  await clock.advance(50)
  assert.deepEqual(fired, [])
  await clock.advance(60)
  assert.deepEqual(fired, ['moved'])
})

test('no timer of the clock waits while nothing is scheduled', async () => {
  const clock = createVirtualClock()
  const wheel = createTimerWheel({ clock })
  assert.equal(clock.pending, 0)
  const timer = wheel.timer(() => undefined)
  timer.start(20)
  timer.start(30)
  assert.equal(clock.pending, 1)
  await clock.advance(40)
  assert.equal(clock.pending, 0)
})

test('a timeout of an hour wakes the clock once a turn, not once a tick', async () => {
  const virtual = createVirtualClock()
  let wakes = 0
  const clock: Clock = {
    now: () => virtual.now(),
    monotonic: () => virtual.monotonic(),
    sleep: (ms, options) => virtual.sleep(ms, options),
    timer(ms, run) {
      wakes++
      return virtual.timer(ms, run)
    },
  }
  const wheel = createTimerWheel({ clock, tickMs: 5 })
  let fired = 0
  wheel.timer(() => fired++).start(3_600_000)
  await virtual.advance(3_599_999)
  assert.equal(fired, 0)
  await virtual.advance(10)
  assert.equal(fired, 1)
  assert.ok(wakes <= 3_600_000 / (512 * 5) + 2, `${wakes} wakes`)
})

test('a timer that starts itself and its neighbours while it fires loses none', async () => {
  const clock = createVirtualClock()
  const wheel = createTimerWheel({ clock, tickMs: 5 })
  let rounds = 0
  let neighbours = 0
  const neighbour = wheel.timer(() => neighbours++)
  const self = wheel.timer(() => {
    rounds++
    if (rounds < 5) self.start(5)
    neighbour.start(5)
  })
  self.start(5)
  neighbour.start(5)
  await clock.advance(100)
  assert.equal(rounds, 5)
  assert.ok(neighbours >= 2)
})

test('random starts, stops and waits: each timer fires exactly when a model says', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('start' as const), id: fc.nat(7), ms: fc.nat(6000) }),
    fc.record({ kind: fc.constant('stop' as const), id: fc.nat(7), ms: fc.constant(0) }),
    fc.record({ kind: fc.constant('wait' as const), id: fc.constant(0), ms: fc.nat(4000) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock = createVirtualClock()
      const wheel = createTimerWheel({ clock, tickMs: 5 })
      const due = new Map<number, number>()
      const timers = Array.from({ length: 8 }, (_, id) =>
        wheel.timer(() => {
          const at = due.get(id)
          assert.ok(at !== undefined, `timer ${id} fired but was not started`)
          const late = clock.monotonic() - at
          assert.ok(late >= 0 && late <= 5, `timer ${id} fired ${late} ms late`)
          due.delete(id)
        }),
      )
      for (const { kind, id, ms } of steps) {
        if (kind === 'start') {
          timers[id]?.start(ms)
          due.set(id, clock.monotonic() + ms)
        } else if (kind === 'stop') {
          timers[id]?.stop()
          due.delete(id)
        } else await clock.advance(ms)
        for (const [waiting, at] of due) {
          assert.ok(clock.monotonic() <= at + 5, `timer ${waiting} did not fire`)
          assert.equal(timers[waiting]?.active, true)
        }
      }
      wheel.close()
      assert.equal(clock.pending, 0)
    }),
    { numRuns: 30 },
  )
})

test('a closed wheel refuses to start a timer', () => {
  const wheel = createTimerWheel({ clock: createVirtualClock() })
  const timer = wheel.timer(() => undefined)
  timer.start(5)
  wheel.close()
  assert.equal(timer.active, false)
  assert.throws(
    () => timer.start(5),
    (error) => error instanceof TidemillError && error.code === 'TM_CORE_CLOSED',
  )
})

test('a clock has one shared wheel', () => {
  const clock = createVirtualClock()
  assert.equal(sharedTimerWheel(clock), sharedTimerWheel(clock))
  assert.notEqual(sharedTimerWheel(clock), sharedTimerWheel(createVirtualClock()))
})
