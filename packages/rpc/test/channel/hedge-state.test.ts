import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HedgeState } from '../../src/channel/hedge-state.ts'
import { RetryThrottle } from '../../src/channel/retry-throttle.ts'
import type { HedgingPolicy } from '../../src/channel/service-config.ts'
import { outcome } from './outcome.ts'

const unavailable = 14
const policy: HedgingPolicy = {
  maxAttempts: 3,
  hedgingDelayMs: 50,
  nonFatalCodes: 1 << unavailable,
}

/** A call of which so many attempts are sent. */
function sent(count: number, throttle?: RetryThrottle): HedgeState {
  const state = new HedgeState(policy, throttle)
  for (let i = 0; i < count; i++) state.started()
  return state
}

function failed(text?: string): ReturnType<typeof outcome> {
  const trailers = text === undefined ? [] : ['grpc-retry-pushback-ms', text]
  return outcome(unavailable, { trailers })
}

describe('hedge state', () => {
  it('sends an attempt per delay until there are maxAttempts', () => {
    const state = new HedgeState(policy, undefined)
    assert.deepEqual([state.started(), state.started(), state.started()], [50, 50, undefined])
    assert.equal(state.allowed, false)
    assert.equal(state.previousAttempts, 3)
  })

  it('ends with the first success and with the first fatal code', () => {
    assert.deepEqual(sent(2).ended(outcome(0), false), { kind: 'finish', reason: 'done' })
    assert.deepEqual(sent(2).ended(outcome(13), false), { kind: 'finish', reason: 'fatal' })
    assert.deepEqual(sent(2).ended(failed(), true), { kind: 'finish', reason: 'done' })
  })

  it('sends the next at once after a non-fatal code, and gives the last failure when none is left', () => {
    const state = sent(1)
    assert.deepEqual(state.ended(failed(), false), { kind: 'start', delayMs: 0 })
    state.started()
    state.started()
    assert.deepEqual(state.ended(failed(), false), { kind: 'wait' })
    assert.deepEqual(state.ended(failed(), false), { kind: 'finish', reason: 'exhausted' })
  })

  it('puts the next attempt off, or off for ever, as the server says', () => {
    assert.deepEqual(sent(2).ended(failed('700'), false), { kind: 'start', delayMs: 700 })
    const stopped = sent(2)
    assert.deepEqual(stopped.ended(failed('-1'), false), { kind: 'wait' })
    assert.equal(stopped.allowed, false)
    assert.deepEqual(stopped.ended(failed('-1'), false), { kind: 'finish', reason: 'pushback' })
  })

  it('sends no more while the throttle is closed, but the first attempt always', () => {
    const throttle = new RetryThrottle({ maxTokens: 2000, tokenRatio: 100 })
    const state = sent(1, throttle)
    assert.deepEqual(state.ended(failed(), false), { kind: 'finish', reason: 'throttled' })
    assert.equal(throttle.closed, true)
    assert.equal(new HedgeState(policy, throttle).allowed, true)
  })

  it('repeats once what the server refused unseen, as the same attempt', () => {
    const state = sent(1)
    const refused = outcome(unavailable, { processed: 'refused' })
    assert.deepEqual(state.ended(refused, false), { kind: 'repeat' })
    assert.deepEqual(state.ended(refused, false), { kind: 'start', delayMs: 0 })
  })
})
