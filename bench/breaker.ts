import { createBreaker } from '@tidemill/gateway/breaker'
import { CircuitState, circuitBreaker, CountBreaker, handleAll } from 'cockatiel'
// @ts-expect-error opossum has no types of its own; what is used of it is declared below.
import CircuitBreaker from 'opossum'
import { defineBench } from './lib/bench.ts'
import { nanosPer } from './lib/measure.ts'

/** Nanoseconds per awaited call; the peers are asynchronous by nature. */
async function nanosPerCall(count: number, call: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  for (let i = 0; i < count; i++) await call()
  return ((performance.now() - started) * 1e6) / count
}

interface Opossum {
  fire(): Promise<unknown>
  shutdown(): void
}

const settled = Promise.resolve(1)
const work = (): Promise<number> => settled

export const bench = defineBench({
  name: 'breaker',
  about: 'One acquire and one record of the circuit breaker, closed, one call in ten failing',
  peers: ['opossum', 'cockatiel'],
  claims: [
    { id: 'cost', about: 'acquire + record', unit: 'ns', target: { atMost: 30 } },
    {
      id: 'opossum',
      about: 'against a guarded call of opossum',
      unit: 'x',
      target: { atLeast: 5 },
    },
    {
      id: 'cockatiel',
      about: 'against a guarded call of cockatiel',
      unit: 'x',
      target: { atLeast: 5 },
    },
  ],
  async run(ctx) {
    const breaker = createBreaker()
    // No timeout: ours has none either, the gateway's deadline does that.
    const opossum = new CircuitBreaker(work, { timeout: false }) as Opossum
    const cockatiel = circuitBreaker(handleAll, {
      halfOpenAfter: 60_000,
      breaker: new CountBreaker({ threshold: 0.6, size: 10 }),
    })
    const lanes = await ctx.alternate({
      measure: 'cost',
      unit: 'ns',
      rounds: 5,
      lanes: {
        ours: () =>
          nanosPer(5_000_000, () => {
            for (let i = 0; i < 5_000_000; i++) {
              breaker.record(breaker.acquire(), i % 10 === 0 ? 'fail' : 'ok')
            }
          }),
        opossum: () => nanosPerCall(100_000, () => opossum.fire()),
        cockatiel: () => nanosPerCall(100_000, () => cockatiel.execute(work)),
        bare: () => nanosPerCall(100_000, work),
      },
    })
    opossum.shutdown()
    if (breaker.state !== 'closed' || cockatiel.state !== CircuitState.Closed) {
      throw new Error('a breaker opened during the run')
    }
    ctx.value('cost', lanes.ours)
    ctx.ratio('opossum', lanes.ours, lanes.opossum)
    ctx.ratio('cockatiel', lanes.ours, lanes.cockatiel)
    ctx.note('the peers guard a promise; lane "bare" is that promise without a breaker')
  },
})
