import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSeededRandom, createVirtualClock, type VirtualClock } from '@tidemill/core'
import {
  createLimiter,
  LeaseClient,
  type LeasePort,
  type LimitSpec,
} from '../../src/limit/index.ts'
import { type SimulatedWorker, simulateNode } from './simulated-node.ts'

function spec(requests: number, burst: number, more: Partial<LimitSpec> = {}): LimitSpec {
  return { name: 'shared', rate: { requests, per: '1s', burst }, scope: 'node', ...more }
}

/** Offers `perSecond` requests of one key to each worker for a time; returns how many passed in all. */
async function offer(
  clock: VirtualClock,
  load: readonly (readonly [SimulatedWorker, perSecond: number])[],
  ms: number,
  stepMs = 2,
): Promise<number> {
  let passed = 0
  for (let at = 0; at < ms; at += stepMs) {
    await clock.advance(stepMs)
    for (const [worker, perSecond] of load) {
      const before = Math.floor((perSecond * at) / 1000)
      const until = Math.floor((perSecond * (at + stepMs)) / 1000)
      for (let n = before; n < until; n++) if (worker.limiter.check('k')) passed++
    }
  }
  return passed
}

function within(passed: number, wanted: number, part: number): void {
  assert.ok(Math.abs(passed - wanted) <= wanted * part, `${passed} of ${wanted}`)
}

describe('a limit that workers of a node share', () => {
  for (const [requests, burst] of [
    [1000, 100],
    [1000, 1],
    [200, 200],
    [20, 5],
    [5000, 5000],
  ] as const) {
    it(`is kept within 3 % over 2 workers at 5x overload: ${requests}/s, burst ${burst}`, async () => {
      const clock = createVirtualClock()
      const { workers, messages } = simulateNode(clock, 2, spec(requests, burst))
      const load = workers.map((worker) => [worker, requests * 2.5] as const)
      await offer(clock, load, 2000)
      const sent = messages()
      within(await offer(clock, load, 8000), requests * 8, 0.03)
      assert.ok(messages() - sent < 8000, `${messages() - sent} messages`)
    })
  }

  it('is kept within 3 % over 4 workers with unequal load', async () => {
    const clock = createVirtualClock()
    const { workers } = simulateNode(clock, 4, spec(1000, 100))
    const load = workers.map((worker, i) => [worker, [4000, 700, 200, 100][i] as number] as const)
    await offer(clock, load, 2000)
    within(await offer(clock, load, 8000), 8000, 0.03)
  })

  it('gives the whole rate to one worker when the others are idle', async () => {
    const clock = createVirtualClock()
    const { workers } = simulateNode(clock, 4, spec(1000, 100))
    const load = [[workers[0] as SimulatedWorker, 5000]] as const
    await offer(clock, load, 1000)
    within(await offer(clock, load, 5000), 5000, 0.03)
  })

  it('refuses nobody below the limit', async () => {
    const clock = createVirtualClock()
    const { workers } = simulateNode(clock, 2, spec(1000, 100))
    const load = workers.map((worker) => [worker, 450] as const)
    assert.equal(await offer(clock, load, 5000), 4500)
  })

  it('lets no more through from the start than burst, rate and what is outstanding', async () => {
    const clock = createVirtualClock()
    const { workers } = simulateNode(clock, 2, spec(1000, 100))
    const load = workers.map((worker) => [worker, 2500] as const)
    const passed = await offer(clock, load, 1000)
    // Burst 100; at most 1.5 batches of 50 and half the burst outstanding per worker.
    assert.ok(passed <= 1000 + 100 + 2 * (75 + 50), `${passed}`)
  })

  it('goes on at the full rate when a worker that held leases died', async () => {
    const clock = createVirtualClock()
    const { workers } = simulateNode(clock, 2, spec(1000, 100))
    const [first, second] = workers as [SimulatedWorker, SimulatedWorker]
    await offer(
      clock,
      workers.map((worker) => [worker, 2500] as const),
      1000,
    )
    second.kill()
    await offer(clock, [[first, 5000]], 500)
    within(await offer(clock, [[first, 5000]], 3000), 3000, 0.03)
    assert.equal(first.client.stats().workers, 1)
  })

  it('takes idle leases back for the others', async () => {
    const clock = createVirtualClock()
    const { workers } = simulateNode(clock, 2, spec(100, 1000))
    const [first, second] = workers as [SimulatedWorker, SimulatedWorker]
    // Until the share of the burst is half gone nothing is leased; then batches of 5.
    for (let i = 0; i < 300; i++) assert.ok(first.limiter.check('k'))
    await clock.advance(100)
    const { remaining } = first.limiter
    await clock.advance(3000)
    assert.ok(remaining > 0)
    let passed = 0
    for (let i = 0; i < 300; i++) {
      await clock.advance(2)
      for (let n = 0; n < 10; n++) if (second.limiter.check('k')) passed++
    }
    // 1000 of the burst less 300, and 100 a second for 3.7 s.
    within(passed, 700 + 370, 0.05)
  })
})

describe('a worker without its coordinator', () => {
  it('keeps its own share of the rate, counts it, and returns to leases afterwards', async () => {
    const clock = createVirtualClock()
    const { workers } = simulateNode(clock, 2, spec(1000, 100))
    const load = workers.map((worker) => [worker, 2500] as const)
    await offer(clock, load, 1000)
    for (const worker of workers) worker.cut = true
    await offer(clock, load, 500)
    within(await offer(clock, load, 4000), 4000, 0.03)
    const { lost, lostChecks, lostRefusals } = (workers[0] as SimulatedWorker).client.stats()
    assert.ok(lost && lostChecks > 1000 && lostRefusals === 0)
    for (const worker of workers) worker.cut = false
    await offer(clock, load, 2000)
    assert.equal((workers[0] as SimulatedWorker).client.stats().lost, false)
    within(await offer(clock, load, 4000), 4000, 0.03)
  })

  it('refuses and counts when the limit says so', async () => {
    const clock = createVirtualClock()
    const { workers } = simulateNode(clock, 2, spec(1000, 100, { onLost: 'closed' }))
    const load = workers.map((worker) => [worker, 2500] as const)
    await offer(clock, load, 1000)
    for (const worker of workers) worker.cut = true
    await offer(clock, load, 600)
    assert.equal(await offer(clock, load, 1000), 0)
    assert.ok((workers[0] as SimulatedWorker).client.stats().lostRefusals > 1000)
  })

  it('survives a channel that throws', async () => {
    const clock = createVirtualClock()
    const port: LeasePort = {
      send() {
        throw new Error('the channel is gone')
      },
      onMessage() {},
    }
    const leases = new LeaseClient(port, { clock, workers: 2 })
    const limiter = createLimiter(spec(10, 10), { clock, leases })
    let passed = 0
    for (let i = 0; i < 500; i++) {
      await clock.advance(10)
      if (limiter.check('k')) passed++
    }
    // Half of the burst and half of the rate.
    within(passed, 5 + 25, 0.05)
    leases.close()
  })
})

describe('a shared limit that is changed while it runs', () => {
  it('is kept at its new rate', async () => {
    const clock = createVirtualClock()
    const { workers } = simulateNode(clock, 2, spec(1000, 100))
    const load = workers.map((worker) => [worker, 2500] as const)
    await offer(clock, load, 1000)
    for (const worker of workers) worker.limiter.configure(spec(400, 40))
    await offer(clock, load, 500)
    within(await offer(clock, load, 5000), 2000, 0.03)
  })

  it('never passes more than the law over random loads', async () => {
    const random = createSeededRandom(7)
    for (let round = 0; round < 12; round++) {
      const clock = createVirtualClock()
      const requests = 20 + random.integer(1000)
      const burst = 1 + random.integer(requests)
      const count = 1 + random.integer(4)
      const { workers } = simulateNode(clock, count, spec(requests, burst), {
        latencyMs: random.integer(20),
      })
      let passed = 0
      let ms = 0
      for (let part = 0; part < 6; part++) {
        const span = 100 + random.integer(900)
        const load = workers.map(
          (worker) => [worker, random.next() < 0.3 ? 0 : random.integer(requests * 3)] as const,
        )
        passed += await offer(clock, load, span, 5)
        ms += Math.ceil(span / 5) * 5
      }
      const batch = Math.max(1, Math.floor(requests / 10 / count))
      const bucket = Math.max(burst, count * batch)
      const outstanding = count * (1.5 * batch + Math.max(1, burst / count))
      const most = bucket + (requests * ms) / 1000 + outstanding
      assert.ok(passed <= most, `round ${round}: ${passed} of ${most}`)
    }
  })
})
