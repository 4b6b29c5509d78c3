import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Clock, createSeededRandom, type Random } from '@tidemill/core'
import { createLimiter, type LimitSpec } from '../../src/limit/index.ts'

interface Rate {
  requests: bigint
  perUs: bigint
  burst: bigint
}

/** The law in exact integers: times in 1/requests of a microsecond, so that a token is perUs whole units. */
class Model {
  #tats = new Map<string, bigint>()
  #rate: Rate

  constructor(rate: Rate) {
    this.#rate = rate
  }

  check(key: string, cost: bigint, nowUs: bigint): { ok: boolean; left: bigint; wait: number } {
    const { requests, perUs, burst } = this.#rate
    const now = nowUs * requests
    const known = this.#tats.get(key) ?? 0n
    const tat = known > now ? known : now
    const next = tat + cost * perUs
    const allowAt = next - burst * perUs
    const ok = now >= allowAt
    if (ok) this.#tats.set(key, next)
    const left = (burst * perUs - ((ok ? next : tat) - now)) / perUs
    return {
      ok,
      left: left > 0n ? left : 0n,
      wait: Number(allowAt - now) / Number(requests) / 1000,
    }
  }

  configure(rate: Rate, nowUs: bigint): void {
    const cap = nowUs * rate.requests + rate.burst * rate.perUs
    for (const [key, tat] of this.#tats) {
      const kept = (tat * rate.requests) / this.#rate.requests
      this.#tats.set(key, kept < cap ? kept : cap)
    }
    this.#rate = rate
  }
}

function rateFrom(random: Random): Rate {
  // Periods and rates whose tokens are not whole milliseconds, but rates that divide each other when they change.
  const requests = BigInt([1, 3, 6, 12, 60, 120][random.integer(6)] as number)
  const perUs = BigInt([100_000, 1_000_000, 7_000_000][random.integer(3)] as number)
  return { requests, perUs, burst: BigInt(3 + random.integer(10)) }
}

function specOf(rate: Rate): LimitSpec {
  const per = `${Number(rate.perUs) / 1000}ms`
  return { name: 'm', rate: { requests: Number(rate.requests), per, burst: Number(rate.burst) } }
}

/** Random checks over a few keys with pauses and, where asked, changes of the rate. */
function play(seed: number, steps: number, changes: boolean): void {
  const random = createSeededRandom(seed)
  let nowUs = BigInt(random.integer(1_000_000_000))
  const clock = { monotonic: () => Number(nowUs) / 1000 } as Clock
  let rate = rateFrom(random)
  const limiter = createLimiter(specOf(rate), { clock })
  const model = new Model(rate)
  for (let step = 0; step < steps; step++) {
    const dice = random.next()
    const token = Number(rate.perUs) / Number(rate.requests)
    // Often exactly on the boundary, which rounding must not move.
    if (dice < 0.3) nowUs += BigInt(Math.ceil(token))
    else if (dice < 0.5) nowUs += BigInt(random.integer(Math.ceil(token * 4)))
    if (changes && dice > 0.97) {
      rate = rateFrom(random)
      limiter.configure(specOf(rate))
      model.configure(rate, nowUs)
    }
    const key = `k${random.integer(3)}`
    const cost = 1 + random.integer(3)
    const wanted = model.check(key, BigInt(cost), nowUs)
    const ok = limiter.check(key, cost)
    const at = `seed ${seed} step ${step}`
    assert.equal(ok, wanted.ok, at)
    assert.equal(limiter.remaining, Number(wanted.left), at)
    if (!ok) assert.ok(Math.abs(limiter.retryAfterMs - wanted.wait) < 1e-3, at)
  }
}

describe('GCRA against a model in exact integers', () => {
  it('agrees over 100,000 random sequences', () => {
    for (let seed = 1; seed <= 100_000; seed++) play(seed, 12, false)
  })

  it('agrees over long sequences', () => {
    for (let seed = 1; seed <= 20; seed++) play(seed, 5000, false)
  })

  it('agrees while the rate changes', () => {
    for (let seed = 1; seed <= 3000; seed++) play(seed, 60, true)
  })
})
