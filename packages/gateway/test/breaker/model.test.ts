import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Clock, createSeededRandom, type Random } from '@tidemill/core'
import { createBreaker, type Outcome } from '@tidemill/gateway/breaker'

interface Settings {
  readonly window: number
  readonly ratio: number
  readonly minCalls: number
  readonly recovery: number
  readonly probes: number
}

/** The rule as written down, without regard to speed: a list of the last outcomes and a set of live permits. */
class Model {
  state: 'closed' | 'open' | 'half-open' = 'closed'
  #last: boolean[] = []
  #openedAt = 0
  #live = new Set<number>()
  readonly #s: Settings

  constructor(settings: Settings) {
    this.#s = settings
  }

  acquire(call: number, now: number): boolean {
    if (this.state === 'open' && now >= this.#openedAt + this.#s.recovery) this.#go('half-open')
    if (this.state === 'open') return false
    if (this.state === 'half-open' && this.#live.size >= this.#s.probes) return false
    this.#live.add(call)
    return true
  }

  record(call: number, outcome: Outcome, now: number): void {
    if (!this.#live.delete(call) || outcome === 'ignore') return
    if (this.state === 'half-open') this.#go(outcome === 'ok' ? 'closed' : 'open', now)
    else {
      this.#last = [...this.#last, outcome === 'fail'].slice(-this.#s.window)
      const failed = this.#last.filter(Boolean).length
      const enough = this.#last.length >= this.#s.minCalls
      if (enough && failed * 10 >= this.#s.ratio * 10 * this.#last.length) this.#go('open', now)
    }
  }

  #go(state: Model['state'], now = 0): void {
    this.state = state
    this.#last = []
    this.#live = new Set()
    this.#openedAt = now
  }
}

function settingsFrom(random: Random): Settings {
  const window = 1 + random.integer(12)
  const minCalls = 1 + random.integer(window)
  const ratio = (1 + random.integer(10)) / 10
  return {
    window,
    ratio,
    minCalls,
    recovery: 100 + random.integer(400),
    probes: 1 + random.integer(2),
  }
}

/** Random admissions, results in any order and waits; returns how many events it played. */
function play(seed: number, events: number): void {
  const random = createSeededRandom(seed)
  const settings = settingsFrom(random)
  let now = 0
  const clock = { monotonic: () => now, now: () => now } as Clock
  const { recovery, ...spec } = settings
  const breaker = createBreaker({ ...spec, recovery: `${recovery}ms` }, { clock })
  const model = new Model(settings)
  const open: { readonly call: number; readonly permit: number }[] = []
  const failing = random.next()
  for (let call = 0; call < events; call++) {
    const dice = random.next()
    if (dice < 0.45) {
      const permit = breaker.acquire()
      const admitted = model.acquire(call, now)
      assert.equal(permit > 0, admitted, `seed ${seed}, event ${call}: admission`)
      if (admitted) open.push({ call, permit })
    } else if (dice < 0.95) {
      const [done] = open.splice(random.integer(Math.max(1, open.length)), 1)
      if (done === undefined) continue
      const outcome = random.next() < 0.1 ? 'ignore' : random.next() < failing ? 'fail' : 'ok'
      breaker.record(done.permit, outcome)
      model.record(done.call, outcome, now)
    } else now += random.integer(300)
    assert.equal(breaker.state, model.state, `seed ${seed}, event ${call}: state`)
  }
}

describe('breaker against its reference model', () => {
  it('does not differ over 500,000 random events of 2,500 breakers', () => {
    for (let seed = 1; seed <= 2500; seed++) play(seed, 200)
  })
})
