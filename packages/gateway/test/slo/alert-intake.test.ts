import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TidemillError } from '@tidemill/core'
import { AlertIntake, pollAlerts } from '../../src/slo/index.ts'
import { bench } from './fixture.ts'

const spec = { objective: 99.9 }

function firing(labels: Record<string, string>, more: object = {}): object {
  return { status: 'firing', labels, annotations: {}, endsAt: '0001-01-01T00:00:00Z', ...more }
}

function webhook(...alerts: readonly object[]): object {
  return { version: '4', status: 'firing', receiver: 'gw', alerts }
}

test('a webhook acts on its own route until it is resolved, and a replay is harmless', async () => {
  const { clock, engine, open } = bench()
  for (const route of ['ns/a', 'ns/b']) open(route, spec)
  const intake = new AlertIntake({ engine, clock })
  const alert = firing({ alertname: 'X', route: 'ns/a', action: 'open' })
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(intake.webhook(webhook(alert)), { accepted: 1, problems: [] })
    await clock.advance(1000)
  }
  const states = (): string[] => engine.snapshot().map((one) => `${one.route} ${one.action}`)
  assert.deepEqual(states(), ['ns/a open', 'ns/b none'])
  assert.equal(engine.events().length, 1)
  assert.equal(intake.size, 1)
  intake.webhook(webhook({ ...alert, status: 'resolved' }))
  await clock.advance(1000)
  assert.deepEqual(states(), ['ns/a none', 'ns/b none'])
  await engine.close()
})

test('alerts of Prometheus hold until their endsAt when the source is lost', async () => {
  const { clock, engine, open } = bench()
  open('ns/a', spec)
  const intake = new AlertIntake({ engine, clock })
  const endsAt = new Date(clock.now() + 240_000).toISOString()
  const labels = { alertname: 'X', route: 'ns/b', tidemill_route: 'ns/a', action: 'shed' }
  assert.equal(intake.alerts([{ labels, endsAt }]).accepted, 1)
  await clock.advance(239_000)
  assert.equal(engine.snapshot()[0]?.action, 'shed')
  await clock.advance(1000)
  assert.equal(engine.snapshot()[0]?.action, 'none')
  // A late replay of what has ended.
  assert.equal(intake.alerts([{ labels, endsAt }]).accepted, 1)
  await clock.advance(1000)
  assert.equal(engine.snapshot()[0]?.action, 'none')
  await engine.close()
})

test('sixty alerts at once open no more than the cap', async () => {
  const { clock, engine, open } = bench()
  const routes = Array.from({ length: 60 }, (_, i) => `ns/r${i}`)
  for (const route of routes) open(route, spec)
  const intake = new AlertIntake({ engine, clock })
  intake.webhook(webhook(...routes.map((route) => firing({ route, action: 'open' }))))
  await clock.advance(1000)
  assert.equal(engine.snapshot().filter((one) => one.action === 'open').length, 30)
  await engine.close()
})

test('alerts that cannot be used are reported one by one', async () => {
  const { clock, engine, open } = bench()
  open('ns/a', spec)
  const intake = new AlertIntake({ engine, clock })
  const report = intake.webhook(
    webhook(
      firing({ route: 'ns/a' }),
      firing({ route: 'ns/unknown' }),
      firing({}),
      firing({ route: 'ns/a', action: 'explode' }),
      firing({ route: 'ns/a' }, { endsAt: 'soon' }),
      firing({ route: 'ns/a', n: 1 as never }),
      [] as object,
      { status: 'firing' },
    ),
  )
  assert.equal(report.accepted, 1)
  assert.equal(report.problems.length, 7)
  assert.match(report.problems[0] ?? '', /ns\/unknown/u)
  await engine.close()
})

test('no more than a thousand alerts are held', async () => {
  const { clock, engine, open } = bench()
  open('ns/a', spec)
  const intake = new AlertIntake({ engine, clock })
  const flood = Array.from({ length: 1100 }, (_, i) => firing({ route: 'ns/a', n: String(i) }))
  assert.equal(intake.webhook(webhook(...flood)).accepted, 1000)
  assert.equal(intake.size, 1000)
  await engine.close()
})

test('a body that is no alert is refused with TM_GATEWAY_ALERTS_INVALID', async () => {
  const { clock, engine } = bench()
  const intake = new AlertIntake({ engine, clock })
  for (const body of [null, 1, [], {}, { version: '3', alerts: [] }]) {
    assert.throws(
      () => intake.webhook(body),
      (error) => TidemillError.is(error, 'TM_GATEWAY_ALERTS_INVALID'),
    )
  }
  assert.throws(
    () => intake.alerts({}),
    (error) => TidemillError.is(error, 'TM_GATEWAY_ALERTS_INVALID'),
  )
  await engine.close()
})

test('alerts that fire at the start are polled, and the push that follows is the same alert', async () => {
  const { clock, engine, open } = bench()
  open('ns/a', spec)
  const intake = new AlertIntake({ engine, clock })
  const labels = { alertname: 'X', route: 'ns/a', action: 'open' }
  const body = {
    status: 'success',
    data: {
      alerts: [
        { labels, state: 'firing' },
        { labels: { route: 'ns/a' }, state: 'pending' },
      ],
    },
  }
  const urls: string[] = []
  const fetchJson = async (url: string): Promise<unknown> => {
    urls.push(url)
    return body
  }
  const report = await pollAlerts(intake, 'http://p:9090/', fetchJson, clock.now())
  assert.deepEqual([report.accepted, urls], [1, ['http://p:9090/api/v1/alerts']])
  intake.alerts([{ labels, endsAt: new Date(clock.now() + 60_000).toISOString() }])
  assert.equal(intake.size, 1)
  const odd = await pollAlerts(intake, 'http://p:9090', async () => 'x', clock.now())
  assert.equal(odd.problems.length, 1)
  await engine.close()
})
