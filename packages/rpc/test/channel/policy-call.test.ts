import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVirtualClock, type Random, type VirtualClock } from '@tidemill/core'
import type { CallOutcome } from '../../src/channel/call-outcome.ts'
import { ChannelStatistics } from '../../src/channel/channel-statistics.ts'
import { HedgeState } from '../../src/channel/hedge-state.ts'
import { PolicyCall } from '../../src/channel/policy-call.ts'
import type { ReplayBudget } from '../../src/channel/replay-buffer.ts'
import { RetryState } from '../../src/channel/retry-state.ts'
import { RetryThrottle } from '../../src/channel/retry-throttle.ts'
import type { AttemptListener, AttemptStart, CallAttempt } from '../../src/client/attempt.ts'
import { outcome } from './outcome.ts'

const even: Random = { next: () => 0.5, integer: () => 0, bytes: (target) => target }
const unavailable = 14

class FakeAttempt implements CallAttempt {
  readonly previous: string | undefined
  readonly listener: AttemptListener
  sent = ''
  ended = false
  cancelled = false
  unsent = false
  consumed = 0
  /** What `send` answers. */
  open = true

  constructor(start: AttemptStart, listener: AttemptListener) {
    const at = start.headers.indexOf('grpc-previous-rpc-attempts')
    this.previous = at < 0 ? undefined : start.headers[at + 1]
    this.listener = listener
  }

  send(frames: Uint8Array, end: boolean): boolean {
    assert.equal(this.ended, false)
    this.sent += Buffer.from(frames).toString('latin1')
    this.ended = end
    return this.open
  }

  cancel(): void {
    this.cancelled = true
  }

  consume(bytes: number): void {
    this.consumed += bytes
  }

  expect(): void {}
}

interface Bed {
  readonly clock: VirtualClock
  readonly attempts: FakeAttempt[]
  readonly heard: string[]
  readonly ends: CallOutcome[]
  readonly call: PolicyCall
  readonly statistics: ChannelStatistics
  readonly budget: ReplayBudget
}

function setUp(kind: 'retry' | 'hedge', throttle?: RetryThrottle): Bed {
  const clock = createVirtualClock()
  const attempts: FakeAttempt[] = []
  const heard: string[] = []
  const ends: CallOutcome[] = []
  const statistics = new ChannelStatistics()
  const budget = { limit: 16 * 1024 * 1024, used: 0 }
  const codes = 1 << unavailable
  const policy =
    kind === 'retry'
      ? new RetryState(
          {
            maxAttempts: 3,
            initialBackoffMs: 100,
            maxBackoffMs: 1000,
            backoffMultiplier: 2,
            retryableCodes: codes,
          },
          throttle,
          even,
        )
      : new HedgeState({ maxAttempts: 3, hedgingDelayMs: 50, nonFatalCodes: codes }, throttle)
  const call = new PolicyCall(
    { path: '/a.B/C', waitForReady: false, headers: ['k', 'v'], deadlineAt: Infinity },
    policy,
    {
      onHeaders: (list) => void heard.push(`headers ${list.join('=')}`),
      onData: (chunk) => void heard.push(`data ${chunk.toString('latin1')}`),
      onWritable: () => void heard.push('writable'),
      onEnd: (end: CallOutcome) => {
        heard.push(`end ${end.code}`)
        ends.push(end)
      },
    },
    {
      clock,
      statistics,
      budget,
      begin(start, listener) {
        const attempt = new FakeAttempt(start, listener)
        attempts.push(attempt)
        return attempt
      },
    },
  )
  return { clock, attempts, heard, ends, call, statistics, budget }
}

function framed(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

describe('call with a retry policy', () => {
  it('sends everything again on the next attempt, after the backoff', async () => {
    const { attempts, budget, call, clock, heard, statistics } = setUp('retry')
    const reused = framed('one')
    call.send(reused, false)
    reused.fill(0)
    call.send(framed('two'), true)
    attempts[0]?.listener.onEnd(outcome(unavailable))
    await clock.advance(99)
    assert.equal(attempts.length, 1)
    await clock.advance(1)
    const second = attempts[1]
    assert.equal(second?.sent, 'onetwo')
    assert.equal(second?.ended, true)
    assert.equal(second?.previous, '1')
    second?.listener.onHeaders(['a', 'b'])
    second?.listener.onData(Buffer.from('x'))
    call.consume(1)
    second?.listener.onEnd(outcome(0))
    assert.deepEqual(heard, ['headers a=b', 'data x', 'end 0'])
    assert.equal(second?.consumed, 1)
    assert.equal(budget.used, 0)
    assert.equal(statistics.retries, 1)
  })

  it('is bound to an attempt by its headers, even when that fails then', async () => {
    const { attempts, budget, call, clock, heard } = setUp('retry')
    call.send(framed('one'), false)
    attempts[0]?.listener.onHeaders([])
    assert.equal(budget.used, 0)
    call.send(framed('two'), true)
    assert.equal(attempts[0]?.sent, 'onetwo')
    attempts[0]?.listener.onEnd(outcome(unavailable))
    await clock.advance(10_000)
    assert.equal(attempts.length, 1)
    assert.deepEqual(heard, ['headers ', `end ${unavailable}`])
  })

  it('gives the last failure when its attempts are used up', async () => {
    const { attempts, clock, heard } = setUp('retry')
    for (let i = 0; i < 3; i++) {
      attempts[i]?.listener.onEnd(outcome(unavailable))
      await clock.advance(1000)
    }
    assert.equal(attempts.length, 3)
    assert.deepEqual(heard, [`end ${unavailable}`])
    assert.equal(clock.pending, 0)
  })

  it('is not taken for unsent when an earlier attempt may have run', async () => {
    const { attempts, clock, ends } = setUp('retry')
    for (let i = 0; i < 3; i++) {
      attempts[i]?.listener.onEnd(outcome(unavailable, i === 0 ? {} : { processed: 'unsent' }))
      await clock.advance(1000)
    }
    assert.equal(ends[0]?.processed, 'sent')
    const never = setUp('retry')
    for (let i = 0; i < 3; i++) {
      never.attempts[i]?.listener.onEnd(outcome(unavailable, { processed: 'unsent' }))
      await never.clock.advance(1000)
    }
    assert.equal(never.ends[0]?.processed, 'unsent')
    const beside = setUp('hedge')
    await beside.clock.advance(50)
    beside.attempts[0]?.listener.onEnd(outcome(13, { processed: 'unsent' }))
    assert.equal(beside.ends[0]?.processed, 'sent')
  })

  it('repeats at once what the server refused unseen', () => {
    const { attempts, statistics } = setUp('retry')
    attempts[0]?.listener.onEnd(outcome(unavailable, { processed: 'refused' }))
    assert.equal(attempts.length, 2)
    assert.equal(attempts[1]?.previous, undefined)
    assert.equal(statistics.transparentRetries, 1)
    assert.equal(statistics.retries, 0)
  })

  it('is bound once more than 1 MiB is kept, and keeps nothing then', async () => {
    const { attempts, budget, call, clock, heard } = setUp('retry')
    const chunk = framed('x'.repeat(256 * 1024))
    for (let i = 0; i < 4; i++) assert.equal(call.send(chunk, false), true)
    assert.equal(budget.used, 1024 * 1024)
    call.send(chunk, false)
    assert.equal(budget.used, 0)
    attempts[0]?.listener.onEnd(outcome(unavailable))
    await clock.advance(10_000)
    assert.deepEqual(heard, [`end ${unavailable}`])
    assert.equal(attempts.length, 1)
  })

  it('pauses the sender during a backoff when too much is kept, and is bound to the next attempt', async () => {
    const { attempts, call, clock, heard } = setUp('retry')
    attempts[0]?.listener.onEnd(outcome(unavailable))
    const chunk = framed('x'.repeat(600 * 1024))
    assert.equal(call.send(chunk, false), true)
    assert.equal(call.send(chunk, false), false)
    await clock.advance(100)
    assert.deepEqual(heard, ['writable'])
    assert.equal(attempts[1]?.sent.length, 1200 * 1024)
    attempts[1]?.listener.onEnd(outcome(unavailable))
    await clock.advance(10_000)
    assert.equal(attempts.length, 2)
  })

  it('is bound when all calls of the channel together keep too much', () => {
    const { attempts, budget, call, heard } = setUp('retry')
    budget.used = budget.limit
    call.send(framed('x'), false)
    attempts[0]?.listener.onEnd(outcome(unavailable))
    assert.deepEqual(heard, [`end ${unavailable}`])
    assert.equal(budget.used, budget.limit)
  })

  it('follows the back-pressure of its attempt while it sends again', async () => {
    const { attempts, call, clock, heard } = setUp('retry')
    const [first] = attempts
    if (first !== undefined) first.open = false
    assert.equal(call.send(framed('a'), false), false)
    call.send(framed('b'), false)
    assert.equal(first?.sent, 'a')
    first?.listener.onWritable()
    assert.equal(first?.sent, 'ab')
    assert.deepEqual(heard, [])
    if (first !== undefined) first.open = true
    first?.listener.onWritable()
    assert.deepEqual(heard, ['writable'])
    first?.listener.onEnd(outcome(unavailable))
    await clock.advance(100)
    assert.equal(attempts[1]?.sent, 'ab')
  })

  it('follows the back-pressure of the attempt that it is bound to', () => {
    const { attempts, call, heard } = setUp('retry')
    const [first] = attempts
    first?.listener.onHeaders([])
    if (first !== undefined) first.open = false
    assert.equal(call.send(framed('a'), false), false)
    first?.listener.onWritable()
    assert.deepEqual(heard, ['headers ', 'writable'])
  })

  it('stops at once when it is cancelled', async () => {
    const running = setUp('retry')
    running.call.cancel()
    assert.equal(running.attempts[0]?.cancelled, true)
    const waiting = setUp('retry')
    waiting.attempts[0]?.listener.onEnd(outcome(unavailable))
    waiting.call.cancel()
    assert.equal(waiting.clock.pending, 0)
    assert.deepEqual(waiting.heard, [])
  })

  it('counts retries that the throttle stops', () => {
    const throttle = new RetryThrottle({ maxTokens: 1000, tokenRatio: 100 })
    const { attempts, heard, statistics } = setUp('retry', throttle)
    attempts[0]?.listener.onEnd(outcome(unavailable))
    assert.deepEqual(heard, [`end ${unavailable}`])
    assert.equal(statistics.throttled, 1)
  })
})

describe('call with a hedging policy', () => {
  it('is not taken for unsent when an attempt was given up that may have run', async () => {
    const { attempts, call, clock, ends } = setUp('hedge')
    call.send(framed('x'), false)
    await clock.advance(50)
    assert.equal(attempts.length, 2)
    // Too much to keep: one of the two becomes the call, the other is given up.
    call.send(new Uint8Array(1024 * 1024 + 1), true)
    const left = attempts.find((attempt) => !attempt.cancelled)
    assert.equal(attempts.filter((attempt) => attempt.cancelled).length, 1)
    left?.listener.onEnd(outcome(unavailable, { processed: 'refused' }))
    assert.equal(ends[0]?.processed, 'sent')
  })

  it('sends attempts beside each other and keeps the first that answers', async () => {
    const { attempts, call, clock, heard, statistics } = setUp('hedge')
    call.send(framed('q'), true)
    await clock.advance(100)
    assert.deepEqual(
      attempts.map((attempt) => [attempt.sent, attempt.previous]),
      [
        ['q', undefined],
        ['q', '1'],
        ['q', '2'],
      ],
    )
    attempts[1]?.listener.onHeaders(['w', '1'])
    attempts[1]?.listener.onData(Buffer.from('r'))
    assert.deepEqual(
      attempts.map((attempt) => attempt.cancelled),
      [true, false, true],
    )
    // What the others still say is not heard.
    attempts[0]?.listener.onHeaders(['w', '0'])
    attempts[2]?.listener.onEnd(outcome(13))
    attempts[1]?.listener.onEnd(outcome(0))
    assert.deepEqual(heard, ['headers w=1', 'data r', 'end 0'])
    assert.equal(statistics.hedges, 2)
    assert.equal(clock.pending, 0)
  })

  it('ends with a fatal code and cancels the others', async () => {
    const { attempts, clock, heard } = setUp('hedge')
    await clock.advance(50)
    attempts[0]?.listener.onEnd(outcome(13))
    assert.equal(attempts[1]?.cancelled, true)
    assert.deepEqual(heard, ['end 13'])
    await clock.advance(1000)
    assert.equal(attempts.length, 2)
  })

  it('goes on after a code that is not fatal, at once or when the server says', async () => {
    const { attempts, clock, heard } = setUp('hedge')
    attempts[0]?.listener.onEnd(outcome(unavailable))
    await clock.advance(0)
    assert.equal(attempts.length, 2)
    attempts[1]?.listener.onEnd(
      outcome(unavailable, { trailers: ['grpc-retry-pushback-ms', '700'] }),
    )
    await clock.advance(699)
    assert.equal(attempts.length, 2)
    await clock.advance(1)
    assert.equal(attempts.length, 3)
    attempts[2]?.listener.onEnd(outcome(unavailable))
    assert.deepEqual(heard, [`end ${unavailable}`])
  })

  it('sends no further attempt while the throttle is closed', async () => {
    const throttle = new RetryThrottle({ maxTokens: 1000, tokenRatio: 100 })
    for (let i = 0; i < 2; i++) throttle.failure()
    const { attempts, clock, heard, statistics } = setUp('hedge', throttle)
    await clock.advance(1000)
    assert.equal(attempts.length, 1)
    assert.equal(statistics.throttled, 1)
    attempts[0]?.listener.onEnd(outcome(unavailable))
    assert.deepEqual(heard, [`end ${unavailable}`])
  })

  it('pauses the sender only while every attempt wants no more', async () => {
    const { attempts, call, clock, heard } = setUp('hedge')
    if (attempts[0] !== undefined) attempts[0].open = false
    assert.equal(call.send(framed('a'), false), false)
    await clock.advance(50)
    // The new attempt took all of it.
    assert.deepEqual(heard, ['writable'])
    assert.equal(call.send(framed('b'), false), true)
    assert.equal(attempts[0]?.sent, 'a')
    assert.equal(attempts[1]?.sent, 'ab')
    attempts[0]?.listener.onHeaders([])
    if (attempts[0] !== undefined) attempts[0].open = true
    attempts[0]?.listener.onWritable()
    assert.equal(attempts[0]?.sent, 'ab')
  })
})
