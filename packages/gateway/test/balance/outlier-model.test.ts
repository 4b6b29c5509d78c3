import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import fc from 'fast-check'
import {
  attempt,
  createOutlierDetector,
  type Host,
  isUsable,
  readOutlierSpec,
} from '../../src/balance/index.ts'
import { someHosts } from './fixtures.ts'

interface ModelHost {
  streak: number
  total: number
  failed: number
  times: number
  until: number | undefined
}

/** The rule as written down, second by second: five failures in a row, 85 % of 50, half of the hosts at most. */
class Model {
  readonly hosts: ModelHost[]
  readonly healthy: boolean[]
  #now = 0

  constructor(count: number) {
    this.healthy = Array.from({ length: count }, () => true)
    this.hosts = this.healthy.map(() => ({
      streak: 0,
      total: 0,
      failed: 0,
      times: 0,
      until: undefined,
    }))
  }

  get ejected(): number {
    return this.hosts.filter((host) => host.until !== undefined).length
  }

  record(i: number, failed: boolean): void {
    const host = this.hosts[i] as ModelHost
    host.total++
    if (failed) host.failed++
    host.streak = failed ? host.streak + 1 : 0
    if (host.streak >= 5 && host.until === undefined) this.#eject(i)
  }

  #eject(i: number): void {
    const host = this.hosts[i] as ModelHost
    host.streak = 0
    const others = this.hosts.filter(
      (other, j) => j !== i && other.until === undefined && this.healthy[j] === true,
    )
    if ((this.ejected + 1) / this.hosts.length > 0.5 || others.length === 0) return
    host.until = this.#now + Math.min(300, 30 * (host.times + 1))
    host.times = Math.min(host.times + 1, 9)
  }

  recovered(i: number): void {
    const host = this.hosts[i] as ModelHost
    if (host.until === undefined) return
    Object.assign(host, { until: undefined, streak: 0, total: 0, failed: 0 })
  }

  second(): void {
    this.#now++
    const sweep = this.#now % 10 === 0
    for (const host of this.hosts) {
      if (sweep && host.until === undefined && host.times > 0) host.times--
    }
    for (const [i, host] of this.hosts.entries()) if (host.until === this.#now) this.recovered(i)
    if (!sweep) return
    const counted = [...this.hosts.keys()].filter((i) => {
      const host = this.hosts[i] as ModelHost
      return host.until === undefined && host.total >= 50
    })
    for (const i of counted.length >= 5 ? counted : []) {
      const host = this.hosts[i] as ModelHost
      if (host.failed / host.total >= 0.85) this.#eject(i)
    }
    for (const host of this.hosts) {
      host.total = 0
      host.failed = 0
    }
  }
}

const command = fc.oneof(
  fc.record({
    kind: fc.constant('traffic' as const),
    host: fc.nat(7),
    outcome: fc.constantFrom(200, 404, 500, 503, attempt.connect, attempt.reset, attempt.aborted),
    times: fc.integer({ min: 1, max: 60 }),
  }),
  fc.record({ kind: fc.constant('mixed' as const), failures: fc.nat(10) }),
  fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 45 }) }),
  fc.record({ kind: fc.constant('recovered' as const), host: fc.nat(7) }),
  fc.record({ kind: fc.constant('health' as const), host: fc.nat(7), healthy: fc.boolean() }),
)

describe('outlier detection against its model', () => {
  it('ejects and returns the same hosts at the same times in any sequence', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.array(command, { maxLength: 60 }),
        async (count, commands) => {
          const clock = createVirtualClock()
          const hosts = someHosts(count)
          const model = new Model(count)
          const config = readOutlierSpec({ successRate: false }, '', [])
          const detector = createOutlierDetector(config, { clock, onEvent: () => undefined })
          detector.hosts(hosts)
          const record = (i: number, outcome: number): void => {
            detector.record(hosts[i] as Host, outcome)
            if (outcome !== attempt.aborted) model.record(i, outcome >= 500 || outcome < 0)
          }
          for (const each of commands) {
            const i = 'host' in each ? each.host % count : 0
            if (each.kind === 'traffic') {
              for (let n = 0; n < each.times; n++) record(i, each.outcome)
            } else if (each.kind === 'mixed') {
              for (let n = 0; n < 60; n++) {
                for (const j of hosts.keys()) {
                  record(j, n % 5 !== 4 || (j + n) % 10 >= each.failures ? 200 : 500)
                  if (j === each.failures) record(j, n % 7 === 0 ? 200 : 500)
                }
              }
            } else if (each.kind === 'wait') {
              await clock.advance(each.seconds * 1000)
              for (let s = 0; s < each.seconds; s++) model.second()
            } else if (each.kind === 'recovered') {
              detector.recovered(hosts[i] as Host)
              model.recovered(i)
            } else {
              ;(hosts[i] as Host).healthy = each.healthy
              model.healthy[i] = each.healthy
            }
            assert.deepEqual(
              hosts.map((host) => host.ejected),
              model.hosts.map((host) => host.until !== undefined),
            )
            assert.equal(detector.ejected, model.ejected)
            assert.ok(detector.ejected * 2 <= count)
            if (hosts.every((host) => host.healthy)) assert.ok(hosts.some(isUsable))
          }
          detector.close()
        },
      ),
      { numRuns: 200 },
    )
  })
})
