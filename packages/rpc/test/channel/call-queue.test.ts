import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { CallQueue } from '../../src/channel/call-queue.ts'
import type { PendingCall } from '../../src/channel/pending-call.ts'

function waiting(): PendingCall {
  return {
    path: '/a.B/C',
    waitForReady: false,
    queueIndex: -1,
    onConnection: () => {},
    onUnavailable: () => {},
  }
}

function listed(queue: CallQueue<never>): readonly PendingCall[] {
  const calls: PendingCall[] = []
  for (let call = queue.after(-1); call !== undefined; call = queue.after(call.queueIndex)) {
    calls.push(call)
  }
  return calls
}

describe('queue of calls', () => {
  it('keeps the order of those that stay, whoever leaves', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(200)), { maxLength: 400 }), (steps) => {
        const queue = new CallQueue<never>(100)
        const model: PendingCall[] = []
        for (const step of steps) {
          if (step === null) {
            const call = waiting()
            assert.equal(queue.push(call), model.length < 100)
            if (model.length < 100) model.push(call)
          } else {
            const [gone] = model.splice(step % (model.length + 1), 1)
            if (gone === undefined) continue
            assert.equal(queue.remove(gone), true)
            assert.equal(queue.remove(gone), false)
          }
          assert.equal(queue.size, model.length)
        }
        assert.deepEqual(listed(queue), model)
      }),
    )
  })

  it('goes on after a call that it had when its room at the front was given back', () => {
    const queue = new CallQueue<never>(10_000)
    const calls = Array.from({ length: 5000 }, waiting)
    for (const call of calls) queue.push(call)
    const after4000 = calls[4000]?.queueIndex ?? 0
    for (const call of calls.slice(0, 4001)) queue.remove(call)
    assert.equal(queue.after(after4000), calls[4001])
    assert.equal(listed(queue).length, 999)
  })
})
