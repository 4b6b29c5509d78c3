import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock, type Problem, type VirtualClock } from '@tidemill/core'
import {
  attempt,
  createOutlierDetector,
  type Host,
  type OutlierDetector,
  type OutlierEvent,
  type OutlierSpec,
  readOutlierSpec,
} from '../../src/balance/index.ts'
import { someHosts } from './fixtures.ts'

interface Setting {
  readonly clock: VirtualClock
  readonly hosts: Host[]
  readonly detector: OutlierDetector
  readonly events: OutlierEvent[]
  readonly story: () => string[]
}

function someDetector(spec: OutlierSpec = {}, count = 10): Setting {
  const problems: Problem[] = []
  const config = readOutlierSpec(spec, '', problems)
  assert.deepEqual(problems, [])
  const clock = createVirtualClock()
  const hosts = someHosts(count)
  const events: OutlierEvent[] = []
  const detector = createOutlierDetector(config, { clock, onEvent: (event) => events.push(event) })
  detector.hosts(hosts)
  const story = (): string[] =>
    events
      .splice(0)
      .map((event) =>
        [
          event.kind,
          hosts.indexOf(event.host),
          event.kind === 'returned' ? event.by : event.reason,
          ...(event.kind === 'ejected' ? [event.ms / 1000] : []),
        ].join(' '),
      )
  return { clock, hosts, detector, events, story }
}

function fail(setting: Setting, i: number, times = 5, outcome = 500): void {
  for (let n = 0; n < times; n++) setting.detector.record(setting.hosts[i] as Host, outcome)
}

describe('outlier detection', () => {
  it('ejects after five server errors in a row, told with the most exact reason', () => {
    const setting = someDetector()
    fail(setting, 0)
    fail(setting, 1, 5, 503)
    fail(setting, 2, 5, attempt.connect)
    fail(setting, 3, 5, attempt.timeout)
    assert.deepEqual(setting.story(), [
      'ejected 0 consecutive-5xx 30',
      'ejected 1 consecutive-gateway-errors 30',
      'ejected 2 consecutive-connect-failures 30',
      'ejected 3 consecutive-gateway-errors 30',
    ])
    assert.equal(setting.detector.ejected, 4)
    setting.detector.close()
  })

  it('starts counting anew after any other outcome, and takes no notice of clients that leave', () => {
    const setting = someDetector()
    fail(setting, 0, 4)
    fail(setting, 0, 1, 404)
    fail(setting, 0, 4)
    fail(setting, 0, 100, attempt.aborted)
    assert.deepEqual(setting.story(), [])
    fail(setting, 0, 1)
    assert.deepEqual(setting.story(), ['ejected 0 consecutive-5xx 30'])
    for (const between of [200, 404]) {
      fail(setting, 1, 4, attempt.connect)
      fail(setting, 1, 1, between)
    }
    fail(setting, 1, 4, attempt.connect)
    assert.deepEqual(setting.story(), [])
    setting.detector.close()
  })

  it('does not eject by a check that is off', () => {
    const setting = someDetector({ consecutive5xx: 0, consecutiveConnectFailures: 0 })
    fail(setting, 0, 1000, 500)
    assert.deepEqual(setting.story(), [])
    fail(setting, 0, 5, attempt.connect)
    assert.deepEqual(setting.story(), ['ejected 0 consecutive-gateway-errors 30'])
    setting.detector.close()
  })

  it('brings a host back when its time is over, not at the next sweep', async () => {
    const setting = someDetector()
    await setting.clock.advance(3456)
    fail(setting, 0)
    await setting.clock.advance(29_999)
    assert.equal(setting.hosts[0]?.ejected, true)
    await setting.clock.advance(1)
    assert.equal(setting.hosts[0]?.ejected, false)
    assert.deepEqual(setting.story(), ['ejected 0 consecutive-5xx 30', 'returned 0 time'])
    setting.detector.close()
  })

  it('ejects for longer each time up to 300 s, and for less again after good intervals', async () => {
    const setting = someDetector()
    const lengths = []
    for (let i = 0; i < 12; i++) {
      fail(setting, 0)
      const [event] = setting.events.splice(0)
      assert.ok(event?.kind === 'ejected')
      lengths.push(event.ms / 1000)
      // Back at once, so that no interval passes out of ejection.
      setting.detector.recovered(setting.hosts[0] as Host)
      setting.events.length = 0
    }
    assert.deepEqual(lengths, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
    await setting.clock.advance(50_000)
    fail(setting, 0)
    assert.deepEqual(setting.story(), ['ejected 0 consecutive-5xx 150'])
    setting.detector.close()
  })

  it('brings a host back when an active health check of it succeeds', () => {
    const setting = someDetector()
    fail(setting, 0)
    setting.detector.recovered(setting.hosts[1] as Host)
    setting.detector.recovered(setting.hosts[0] as Host)
    assert.deepEqual(setting.story(), ['ejected 0 consecutive-5xx 30', 'returned 0 health-check'])
    assert.equal(setting.detector.ejected, 0)
    setting.detector.close()
  })

  it('ejects at most half of the hosts, counted after the ejection', () => {
    for (const [count, most] of [
      [10, 5],
      [9, 4],
      [3, 1],
      [2, 1],
      [1, 0],
    ] as const) {
      const setting = someDetector({}, count)
      for (let i = 0; i < count; i++) fail(setting, i)
      assert.equal(setting.detector.ejected, most)
      assert.equal(setting.detector.spared, count - most)
      setting.detector.close()
    }
  })

  it('never ejects the last usable host', () => {
    const setting = someDetector({ maxPercent: 100 }, 4)
    Object.assign(setting.hosts[3] as object, { healthy: false })
    for (const i of [0, 1, 2]) fail(setting, i)
    assert.deepEqual(setting.story(), [
      'ejected 0 consecutive-5xx 30',
      'ejected 1 consecutive-5xx 30',
      'spared 2 consecutive-5xx',
    ])
    setting.detector.close()
  })

  it('ejects hosts whose success rate is 1.9 deviations below the mean at the sweep', async () => {
    const setting = someDetector({ consecutive5xx: 0, failurePercentage: false })
    const traffic = (failures: readonly number[], total: number): void => {
      for (const [i, failed] of failures.entries()) {
        fail(setting, i, failed)
        fail(setting, i, total - failed, 200)
      }
    }
    // Mean 0.94, deviation 0.12: below 0.712.
    traffic([40, 2, 2, 2, 2, 2, 2, 2, 2, 4], 100)
    assert.deepEqual(setting.story(), [])
    await setting.clock.advance(10_000)
    assert.deepEqual(setting.story(), ['ejected 0 success-rate 30'])
    traffic([0, 30, 30, 30, 30, 30, 30, 30, 30, 30], 100)
    await setting.clock.advance(10_000)
    assert.deepEqual(setting.story(), [], 'all alike')
    traffic([0, 40, 0, 0, 0, 0, 0, 0, 0, 0], 99)
    await setting.clock.advance(9_000)
    assert.deepEqual(setting.story(), [], 'too few requests')
    setting.detector.close()
  })

  it('does not take rounding for a difference', async () => {
    const spec = { consecutive5xx: 0, successRate: { factor: 0.5 }, failurePercentage: false }
    const setting = someDetector(spec as OutlierSpec, 5)
    for (const i of setting.hosts.keys()) {
      fail(setting, i, 8)
      fail(setting, i, 92, 200)
    }
    await setting.clock.advance(10_000)
    assert.deepEqual(setting.story(), [])
    setting.detector.close()
  })

  it('does not compare fewer than five hosts', async () => {
    const setting = someDetector({ consecutive5xx: 0 }, 4)
    for (const i of [0, 1, 2, 3]) fail(setting, i, 200, i === 0 ? 500 : 200)
    await setting.clock.advance(10_000)
    assert.deepEqual(setting.story(), [])
    setting.detector.close()
  })

  it('ejects hosts of whose 50 or more requests 85 % failed', async () => {
    const setting = someDetector({ consecutive5xx: 0, successRate: false })
    for (const i of setting.hosts.keys()) {
      const failed = i === 0 ? 43 : i === 1 ? 42 : 0
      fail(setting, i, failed)
      fail(setting, i, 50 - failed, 200)
    }
    await setting.clock.advance(10_000)
    assert.deepEqual(setting.story(), ['ejected 0 failure-percentage 30'], '43 of 50 is 86 %')
    setting.detector.close()
  })

  it('keeps an ejection over a change of hosts and forgets hosts that leave', async () => {
    const setting = someDetector()
    fail(setting, 0)
    fail(setting, 1)
    setting.detector.hosts(setting.hosts.slice(1))
    assert.equal(setting.detector.ejected, 1)
    await setting.clock.advance(30_000)
    assert.deepEqual(setting.story().slice(2), ['returned 1 time'])
    fail(setting, 0, 50)
    assert.deepEqual(setting.story(), [], 'one that left is not ejected')
    setting.detector.close()
  })

  it('takes other settings without bringing ejected hosts back', async () => {
    const setting = someDetector()
    fail(setting, 0)
    fail(setting, 1, 4)
    setting.detector.update(
      readOutlierSpec({ consecutive5xx: 3, interval: '1s', ejection: '5s' }, '', []),
    )
    fail(setting, 1, 1)
    fail(setting, 2, 50)
    fail(setting, 2, 60, 200)
    await setting.clock.advance(5000)
    assert.deepEqual(setting.story(), [
      'ejected 0 consecutive-5xx 30',
      'ejected 1 consecutive-5xx 5',
      'ejected 2 consecutive-5xx 5',
      'returned 1 time',
      'returned 2 time',
    ])
    await setting.clock.advance(25_000)
    assert.deepEqual(setting.story(), ['returned 0 time'])
    setting.detector.close()
  })

  it('holds no timer and ejects nobody once closed', () => {
    const setting = someDetector()
    fail(setting, 0)
    setting.detector.close()
    assert.deepEqual([setting.clock.pending, setting.hosts[0]?.ejected], [0, false])
    fail(setting, 1)
    setting.detector.hosts(setting.hosts)
    assert.deepEqual([setting.clock.pending, setting.hosts[1]?.ejected], [0, false])
  })

  it('is not moved by a step of the wall clock', async () => {
    const setting = someDetector()
    fail(setting, 0)
    setting.clock.step(3_600_000)
    await setting.clock.advance(29_000)
    assert.equal(setting.hosts[0]?.ejected, true)
    setting.detector.close()
  })
})
