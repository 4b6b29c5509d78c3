import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock, type Random } from '@tidemill/core'
import fc from 'fast-check'
import {
  createHealthChecker,
  type HealthChecker,
  type HealthCheckSpec,
  type Host,
  type Probe,
  readHealthCheckSpec,
} from '../../src/balance/index.ts'
import { HealthState } from '../../src/balance/health-state.ts'
import { someHosts } from './fixtures.ts'

/** Answers as it is told, at once; `undefined` never answers. */
class FakeProbe implements Probe {
  answer: 'pass' | 'fail' | undefined = 'pass'
  checks = 0
  cancelled = 0
  closed = false
  late: ((failure: string | undefined) => void) | undefined = undefined

  check(done: (failure: string | undefined) => void): void {
    this.checks++
    this.late = done
    if (this.answer !== undefined) {
      const failure = this.answer === 'pass' ? undefined : 'status 503'
      queueMicrotask(() => done(failure))
    }
  }

  cancel(): void {
    this.cancelled++
  }

  close(): void {
    this.closed = true
  }
}

const middle: Random = { ...createSeededRandom(1), next: () => 0.5 }

function someChecker(
  count: number,
  spec: HealthCheckSpec = {},
  random: Random = middle,
): {
  readonly clock: ReturnType<typeof createVirtualClock>
  readonly hosts: Host[]
  readonly probes: FakeProbe[]
  readonly checker: HealthChecker
  readonly story: string[]
  readonly passed: Host[]
} {
  const clock = createVirtualClock()
  const hosts = someHosts(count)
  const probes = hosts.map(() => new FakeProbe())
  const story: string[] = []
  const passed: Host[] = []
  const checker = createHealthChecker(readHealthCheckSpec(spec, '', []), {
    clock,
    random,
    probe: (host) => probes[hosts.indexOf(host)] as Probe,
    onEvent: ({ healthy, host, reason }) => {
      const at = clock.monotonic() / 1000
      story.push(`${at} ${hosts.indexOf(host)} ${healthy ? 'healthy' : reason}`)
    },
    onPassed: (host) => passed.push(host),
  })
  return { clock, hosts, probes, checker, story, passed }
}

describe('health check state', () => {
  it('follows the rule of runs in any sequence', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        (results, toHealthy, toUnhealthy) => {
          const state = new HealthState()
          let healthy = results[0]
          for (const [i, passed] of results.entries()) {
            const before = state.healthy
            const changed = state.checked(passed, toHealthy, toUnhealthy)
            const need = passed ? toHealthy : toUnhealthy
            const run = results.slice(Math.max(0, i + 1 - need), i + 1)
            // Everything since the last change counts, the first check included.
            if (run.length === need && run.every((each) => each === passed)) healthy = passed
            assert.equal(state.healthy, healthy)
            assert.equal(changed, i === 0 || state.healthy !== before)
          }
        },
      ),
    )
  })
})

describe('health checker', () => {
  it('lets the first check decide, at once', async () => {
    const { checker, clock, hosts, probes, story } = someChecker(2)
    Object.assign(probes[1] as object, { answer: 'fail' })
    checker.hosts(hosts)
    assert.deepEqual(
      hosts.map((host) => host.healthy),
      [false, false],
      'nothing is known yet',
    )
    await clock.advance(0)
    assert.deepEqual(story, ['0 0 healthy', '0 1 status 503'])
    checker.close()
  })

  it('takes three failures to make a host unhealthy and two passes to make it healthy', async () => {
    const { checker, clock, hosts, probes, story } = someChecker(1)
    const [probe] = probes as [FakeProbe]
    checker.hosts(hosts)
    await clock.advance(0)
    story.length = 0
    for (const answer of [
      'fail',
      'fail',
      'pass',
      'fail',
      'fail',
      'fail',
      'pass',
      'fail',
    ] as const) {
      probe.answer = answer
      await clock.advance(5000)
    }
    assert.deepEqual(story, ['30 0 status 503'])
    probe.answer = 'pass'
    await clock.advance(10_000)
    assert.deepEqual(story.slice(1), ['50 0 healthy'])
    assert.equal(hosts[0]?.since, 50_000, 'slow start begins')
    assert.deepEqual([checker.passed, checker.failed], [5, 6])
    checker.close()
  })

  it('counts a check without an answer as failed after the timeout, and drops a late answer', async () => {
    const { checker, clock, hosts, probes, story } = someChecker(1)
    const [probe] = probes as [FakeProbe]
    probe.answer = undefined
    checker.hosts(hosts)
    await clock.advance(1999)
    assert.deepEqual(story, [])
    await clock.advance(1)
    assert.deepEqual(story, ['2 0 no answer within 2000 ms'])
    assert.equal(probe.cancelled, 1)
    probe.late?.(undefined)
    assert.deepEqual([checker.passed, checker.failed], [0, 1])
    await clock.advance(4999)
    assert.equal(probe.checks, 1)
    await clock.advance(1)
    assert.equal(probe.checks, 2)
    checker.close()
  })

  it('draws each interval from 15 % below to 15 % above', async () => {
    const { checker, clock, hosts, probes } = someChecker(1, {}, createSeededRandom(5))
    const [probe] = probes as [FakeProbe]
    checker.hosts(hosts)
    const gaps: number[] = []
    let last = 0
    let seen = 1
    for (let ms = 0; ms < 200_000; ms += 50) {
      await clock.advance(50)
      if (probe.checks > seen) {
        gaps.push(clock.monotonic() - last)
        last = clock.monotonic()
        seen = probe.checks
      }
    }
    assert.ok(Math.min(...gaps) >= 4200 && Math.min(...gaps) < 4600, String(Math.min(...gaps)))
    assert.ok(Math.max(...gaps) <= 5800 && Math.max(...gaps) > 5400, String(Math.max(...gaps)))
    checker.close()
  })

  it('tells each check that passed', async () => {
    const { checker, clock, hosts, passed } = someChecker(1)
    checker.hosts(hosts)
    await clock.advance(10_000)
    assert.equal(passed.length, 3)
    checker.close()
  })

  it('keeps state and schedule of hosts that stay when the list changes', async () => {
    const { checker, clock, hosts, probes, story } = someChecker(3)
    checker.hosts(hosts.slice(0, 2))
    await clock.advance(4000)
    checker.hosts(hosts.slice(1))
    assert.deepEqual(
      probes.map((probe) => [probe.closed, probe.checks]),
      [
        [true, 1],
        [false, 1],
        [false, 1],
      ],
    )
    assert.deepEqual([hosts[1]?.healthy, hosts[2]?.healthy], [true, false])
    await clock.advance(1000)
    assert.equal(probes[1]?.checks, 2)
    assert.deepEqual(story, ['0 0 healthy', '0 1 healthy', '4 2 healthy'])
    checker.close()
  })

  it('changes its settings without forgetting which hosts are healthy', async () => {
    const { checker, clock, hosts, probes, story } = someChecker(1)
    checker.hosts(hosts)
    await clock.advance(0)
    const next = new FakeProbe()
    next.answer = 'fail'
    checker.update(readHealthCheckSpec({ interval: '1s', unhealthy: 2 }, '', []), () => next)
    assert.deepEqual([hosts[0]?.healthy, probes[0]?.closed], [true, true])
    await clock.advance(1000)
    assert.deepEqual(story, ['0 0 healthy', '1 0 status 503'])
    checker.close()
  })

  it('holds no timer once closed, and all hosts count as healthy', async () => {
    const { checker, clock, hosts, probes } = someChecker(2)
    const [first] = probes as [FakeProbe]
    first.answer = 'fail'
    checker.hosts(hosts)
    await clock.advance(0)
    checker.close()
    checker.hosts(hosts)
    assert.equal(clock.pending, 0)
    assert.ok(hosts.every((host) => host.healthy))
    assert.ok(probes.every((probe) => probe.closed))
  })
})
