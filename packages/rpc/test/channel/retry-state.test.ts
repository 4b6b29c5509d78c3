import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Random } from '@tidemill/core'
import * as fc from 'fast-check'
import { noPushback, readPushback, stopPushback } from '../../src/channel/pushback.ts'
import { RetryState } from '../../src/channel/retry-state.ts'
import { RetryThrottle } from '../../src/channel/retry-throttle.ts'
import type { RetryPolicy } from '../../src/channel/service-config.ts'
import { outcome } from './outcome.ts'

const unavailable = 14
const policy: RetryPolicy = {
  maxAttempts: 4,
  initialBackoffMs: 100,
  maxBackoffMs: 300,
  backoffMultiplier: 2,
  retryableCodes: 1 << unavailable,
}

/** Chance that always gives the same. */
function fixed(value: number): Random {
  return { next: () => value, integer: () => 0, bytes: (target) => target }
}

function pushback(text: string): readonly string[] {
  return ['grpc-retry-pushback-ms', text]
}

describe('retry state', () => {
  it('waits by backoff with a fifth of jitter and ends at maxAttempts', () => {
    for (const [chance, factor] of [
      [0, 0.8],
      [0.5, 1],
      [0.999_999, 1.2],
    ] as const) {
      const state = new RetryState(policy, undefined, fixed(chance))
      const delays = [1, 2, 3].map(() => {
        const decision = state.ended(outcome(unavailable), false)
        assert.equal(decision.kind, 'start')
        return decision.kind === 'start' ? Math.round(decision.delayMs) : -1
      })
      assert.deepEqual(delays, [100 * factor, 200 * factor, 300 * factor].map(Math.round))
      assert.equal(state.previousAttempts, 3)
      const end = state.ended(outcome(unavailable), false)
      assert.deepEqual(end, { kind: 'finish', reason: 'exhausted' })
    }
  })

  it('never repeats what the policy does not name or what the application has seen', () => {
    const state = new RetryState(policy, undefined, fixed(0))
    assert.equal(state.ended(outcome(13), false).kind, 'finish')
    assert.equal(state.ended(outcome(unavailable), true).kind, 'finish')
  })

  it('repeats once, without counting it, what the server refused unseen', () => {
    const state = new RetryState({ ...policy, retryableCodes: 1 << 10 }, undefined, fixed(0))
    const refused = outcome(unavailable, { processed: 'refused' })
    assert.deepEqual(state.ended(refused, false), { kind: 'repeat' })
    assert.equal(state.previousAttempts, 0)
    assert.deepEqual(state.ended(refused, false), { kind: 'finish', reason: 'fatal' })
  })

  it('takes a call that got no connection as any other failure', () => {
    const state = new RetryState(policy, undefined, fixed(0))
    const unsent = outcome(unavailable, { processed: 'unsent' })
    assert.deepEqual(state.ended(unsent, false), { kind: 'start', delayMs: 80 })
  })

  it('obeys the pushback of the server and begins the backoff anew after it', () => {
    const state = new RetryState({ ...policy, maxAttempts: 5 }, undefined, fixed(0.5))
    const decide = (trailers: readonly string[]): unknown =>
      state.ended(outcome(unavailable, { trailers }), false)
    const retry = (delayMs: number): unknown => ({ kind: 'start', delayMs })
    assert.deepEqual(decide([]), retry(100))
    assert.deepEqual(decide(pushback('1234')), retry(1234))
    assert.deepEqual(decide([]), retry(100))
    assert.deepEqual(decide(pushback('-1')), { kind: 'finish', reason: 'pushback' })
  })

  it('stops while the throttle holds half of its tokens or less, and fills it by successes', () => {
    const throttle = new RetryThrottle({ maxTokens: 4000, tokenRatio: 500 })
    const fail = (): unknown =>
      new RetryState(policy, throttle, fixed(0)).ended(outcome(unavailable), false).kind
    assert.equal(fail(), 'start')
    assert.equal(fail(), 'finish')
    assert.equal(throttle.tokens, 2000)
    new RetryState(policy, throttle, fixed(0)).ended(outcome(0), true)
    assert.equal(throttle.tokens, 2500)
    assert.equal(fail(), 'finish')
    for (let i = 0; i < 9; i++) throttle.success()
    assert.equal(throttle.tokens, 4000)
    assert.equal(fail(), 'start')
  })

  it('takes a token for a server that asks not to retry even when the code is not retryable', () => {
    const throttle = new RetryThrottle({ maxTokens: 4000, tokenRatio: 500 })
    const state = new RetryState(policy, throttle, fixed(0))
    state.ended(outcome(13, { trailers: pushback('-1') }), false)
    assert.equal(throttle.tokens, 3000)
    state.ended(outcome(13), false)
    assert.equal(throttle.tokens, 3000)
  })

  it('keeps the throttle as full as it was when a new config comes', () => {
    const throttle = new RetryThrottle({ maxTokens: 10_000, tokenRatio: 100 })
    for (let i = 0; i < 5; i++) throttle.failure()
    assert.equal(throttle.closed, true)
    throttle.configure({ maxTokens: 100_000, tokenRatio: 1000 })
    assert.equal(throttle.tokens, 50_000)
  })

  it('never goes on above maxAttempts nor outside the bounds of the backoff', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.array(
          fc.tuple(fc.constantFrom(0, 13, 14), fc.option(fc.integer({ max: 5000, min: -1 }))),
        ),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (maxAttempts, attempts, chance) => {
          const state = new RetryState({ ...policy, maxAttempts }, undefined, fixed(chance))
          let sent = 1
          for (const [code, wait] of attempts) {
            const trailers = wait === null ? [] : pushback(String(wait))
            const decision = state.ended(outcome(code, { trailers }), false)
            if (decision.kind !== 'start') break
            assert.equal(code, unavailable)
            sent++
            if (wait === null) assert.ok(decision.delayMs >= 80 && decision.delayMs < 360)
            else assert.equal(decision.delayMs, wait)
          }
          assert.ok(sent <= maxAttempts)
        },
      ),
    )
  })
})

describe('grpc-retry-pushback-ms', () => {
  it('is a whole number of milliseconds, anything else means stop', () => {
    assert.equal(readPushback([]), noPushback)
    assert.equal(readPushback(['a', 'b', ...pushback('0')]), 0)
    assert.equal(readPushback(pushback('2147483647')), 2_147_483_647)
    for (const text of ['', '-1', '1.5', ' 1', '1 ', 'x', '2147483648', '99999999999']) {
      assert.equal(readPushback(pushback(text)), stopPushback, text)
    }
    assert.equal(readPushback([...pushback('1'), ...pushback('1')]), stopPushback)
  })
})
