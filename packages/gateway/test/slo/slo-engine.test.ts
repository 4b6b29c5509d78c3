import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { test } from 'node:test'
import { realRandom } from '@tidemill/core'
import { SloEngine } from '../../src/slo/index.ts'
import { bench, config, send, view } from './fixture.ts'

const opens = {
  objective: 99.9,
  actions: [{ on: 'page-fast', action: 'open', ttl: '1m' }],
} as const

test('an action begins when its tier fires and ends its time after the last evaluation that asked', async () => {
  const { clock, engine, open } = bench()
  const guard = open('ns/a', opens)
  send(guard, 'fail', 100)
  assert.equal(guard.admit(view), true)
  await clock.advance(1000)
  assert.equal(engine.snapshot()[0]?.action, 'open')
  // Good answers bring the short window below the factor.
  send(guard, 'ok', 100_000)
  await clock.advance(1000)
  assert.equal(engine.snapshot()[0]?.tiers[0]?.firing, false)
  await clock.advance(58_000)
  assert.equal(engine.snapshot()[0]?.action, 'open')
  await clock.advance(1000)
  assert.equal(engine.snapshot()[0]?.action, 'none')
  assert.deepEqual(
    engine.events().map(({ from, to, reason }) => [from, to, reason]),
    [
      ['none', 'open', 'page-fast'],
      ['open', 'none', ''],
    ],
  )
  await engine.close()
  assert.equal(clock.pending, 0)
})

test('what the gateway refuses by itself, and clients that leave, do not burn the objective', async () => {
  const { clock, engine, open } = bench()
  const guard = open('ns/a', opens)
  for (let i = 0; i < 10_000; i++) guard.record('ignore', 503, 1)
  await clock.advance(5000)
  const status = engine.snapshot()[0]
  assert.equal(status?.action, 'none')
  assert.equal(Number.isNaN(status?.tiers[0]?.long), true)
  await engine.close()
})

test('requests that take longer than the latency are bad', async () => {
  const { clock, engine, open } = bench()
  const guard = open('ns/a', { ...opens, latencyOver: '100ms' })
  for (let i = 0; i < 30; i++) guard.record('ok', 200, i < 15 ? 100 : 101)
  await clock.advance(1000)
  assert.equal(engine.snapshot()[0]?.tiers[0]?.long.toFixed(3), '500.000')
  await engine.close()
})

test('an opened route keeps one request a second, or one in a hundred', async () => {
  const { clock, engine, open } = bench()
  const guard = open('ns/a', opens)
  engine.force('ns/a', 'open', 600_000)
  for (const [sent, passing] of [
    [1, 1],
    [50, 1],
    [1000, 10],
  ] as const) {
    await clock.advance(1000)
    let passed = 0
    for (let i = 0; i < sent; i++) if (guard.admit(view)) passed++
    assert.equal(passed, passing)
  }
  await engine.close()
})

test('shedding refuses its part of the requests', async () => {
  let turn = 0
  const random = {
    next: () => (turn++ % 100) / 100,
    integer: () => 0,
    bytes: (target: Uint8Array) => target,
  }
  const { clock, engine, open } = bench({ random })
  const guard = open('ns/a', {
    objective: 99,
    actions: [{ on: 'page-fast', action: 'shed', percent: 30 }],
  })
  send(guard, 'fail', 100)
  await clock.advance(1000)
  let passed = 0
  for (let i = 0; i < 1000; i++) if (guard.admit(view)) passed++
  assert.ok(passed >= 700 && passed <= 711, String(passed))
  await engine.close()
})

test('an upstream that stays down does not flap while only the trickle passes', async () => {
  const { clock, engine, open } = bench()
  const guard = open('ns/a', opens)
  for (let second = 0; second < 3600; second++) {
    for (let i = 0; i < 5; i++) if (guard.admit(view)) send(guard, 'fail', 1)
    await clock.advance(1000)
  }
  assert.deepEqual(
    engine.events().map((event) => event.to),
    ['open'],
  )
  await engine.close()
})

test('at most half of the routes have a hard action at once, the hardest burning', async () => {
  const { clock, engine, open } = bench()
  const guards = Array.from({ length: 60 }, (_, i) => open(`ns/r${i}`, opens))
  for (const [i, guard] of guards.entries()) {
    send(guard, 'fail', 100)
    send(guard, 'ok', i * 5)
  }
  await clock.advance(1000)
  const list = engine.snapshot()
  assert.equal(list.filter((one) => one.action === 'open').length, 30)
  assert.ok(list.slice(0, 30).every((one) => one.action === 'open'))
  assert.ok(list.slice(30).every((one) => one.action === 'annotate' && one.capped))
  await engine.close()
})

test('what is forced goes before everything until it ends or is cleared', async () => {
  const { clock, engine, open } = bench()
  const guard = open('ns/a', opens)
  send(guard, 'fail', 100)
  await clock.advance(1000)
  engine.force('ns/a', 'annotate', 10_000)
  assert.ok([1, 2, 3].every(() => guard.admit(view)))
  await clock.advance(11_000)
  assert.equal(engine.snapshot()[0]?.action, 'open')
  engine.force('ns/a', 'fallback', 10_000)
  assert.equal(engine.snapshot()[0]?.action, 'fallback')
  engine.clear('ns/a')
  assert.equal(engine.snapshot()[0]?.forced, false)
  assert.equal(engine.force('ns/none', 'open', 1000), false)
  assert.equal(engine.clear('ns/none'), false)
  await engine.close()
})

test('a step of the wall clock changes nothing', async () => {
  const { clock, engine, open } = bench()
  const guard = open('ns/a', opens)
  send(guard, 'fail', 100)
  await clock.advance(1000)
  clock.step(3_600_000)
  await clock.advance(2000)
  clock.step(-7_200_000)
  await clock.advance(2000)
  assert.equal(engine.snapshot()[0]?.action, 'open')
  assert.equal(engine.events().length, 1)
  await engine.close()
})

test('the primary evaluates what its workers counted, and they do what it decides', async () => {
  const { clock, engine: primary } = bench({ role: 'primary' })
  const policy = { slo: config(opens) }
  primary.open('ns/a', policy)
  const workers = [0, 1].map(() => new SloEngine({ clock, random: realRandom, role: 'worker' }))
  const guards = workers.map((worker) => worker.open('ns/a', policy))
  for (const guard of guards) if (guard !== undefined) send(guard, 'fail', 10)
  await clock.advance(1000)
  for (const worker of workers) primary.absorb([...worker.take(), { route: 'x', good: 1, bad: 0 }])
  assert.deepEqual(workers[0]?.take(), [])
  assert.equal(primary.evaluate(), true)
  for (const worker of workers) worker.apply(primary.decisions())
  const admits = (): boolean[] => [1, 2, 3].map(() => guards[1]?.admit(view) ?? false)
  assert.deepEqual(admits(), [true, false, false])
  // Nobody confirms it any more.
  await clock.advance(10_000)
  assert.deepEqual(admits(), [true, true, true])
  for (const worker of workers) worker.apply([])
  assert.deepEqual(admits(), [true, true, true])
})

test('changes are published and kept to a bound', async () => {
  const { engine, open } = bench()
  open('ns/a', opens)
  let heard = 0
  const hear = (): void => void heard++
  subscribe('tidemill:gateway:slo', hear)
  for (let i = 0; i < 1500; i++) engine.force('ns/a', i % 2 === 0 ? 'open' : 'annotate', 1000)
  unsubscribe('tidemill:gateway:slo', hear)
  assert.equal(heard, 1500)
  assert.equal(engine.events().length, 1000)
  await engine.close()
})

test('a route that is dropped refuses nobody, and one without an objective has no guard', async () => {
  const { engine, open } = bench()
  const guard = open('ns/a', opens)
  engine.force('ns/a', 'open', 60_000)
  engine.drop('ns/a')
  assert.ok([1, 2, 3].every(() => guard.admit(view)))
  assert.equal(engine.open('ns/b', { slo: undefined }), undefined)
  assert.deepEqual(engine.snapshot(), [])
  await engine.close()
})

test('metrics tell burn, budget and action of each objective', async () => {
  const { clock, engine, open } = bench()
  send(open('ns/a', opens), 'fail', 100)
  open('ns/b', opens)
  await clock.advance(1000)
  const [burn, budget, action] = engine.metrics()
  assert.equal(burn?.series.length, 8)
  assert.equal(Number(budget?.series[0]?.value).toFixed(0), '-999')
  assert.deepEqual(action?.series[0], { labels: ['objective', 'ns/a', 'action', 'open'], value: 1 })
  await engine.close()
})
