import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createDeadline, createVirtualClock, withDeadline } from '@tidemill/core'

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })

describe('deadline', () => {
  it('counts down on the monotonic clock, untouched by a step of the wall clock', async () => {
    const clock = createVirtualClock()
    const deadline = createDeadline(clock, 100)
    clock.step(1e9)
    assert.equal(deadline.left(), 100)
    assert.equal(deadline.within(30).left(), 30)
    assert.equal(deadline.within(300).left(), 100)
    await clock.advance(150)
    assert.equal(deadline.left(), 0)
    assert.equal(deadline.expired, true)
  })

  it('aborts the work with TM_CORE_DEADLINE that names it', async () => {
    const clock = createVirtualClock()
    const work = assert.rejects(withDeadline(clock, 50, 'the call', untilAborted), {
      code: 'TM_CORE_DEADLINE',
      message: /the call did not finish within 50 ms/u,
    })
    await clock.advance(50)
    await work
  })

  it('passes an outer cancellation on and leaves no timer behind', async () => {
    const clock = createVirtualClock()
    const outer = new AbortController()
    const reason = new Error('caller went away')
    const work = assert.rejects(withDeadline(clock, 50, 'it', untilAborted, outer.signal), reason)
    outer.abort(reason)
    await work
    assert.equal(await withDeadline(clock, 50, 'it', () => Promise.resolve(7)), 7)
    assert.equal(clock.pending, 0)
  })
})
