import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCloseStack, createDrain, createVirtualClock } from '@tidemill/core'

describe('drain', () => {
  it('waits for what is in flight and refuses what is new with TM_CORE_CLOSED', async () => {
    const drain = createDrain('the server', createVirtualClock())
    const leave = drain.enter()
    const drained = drain.drain(1000)
    assert.equal(drain.draining, true)
    assert.throws(() => drain.enter(), { code: 'TM_CORE_CLOSED' })
    leave()
    await drained
    assert.equal(drain.inFlight, 0)
  })

  it('counts each piece once, however often it says that it is over', () => {
    const drain = createDrain('it')
    const leave = drain.enter()
    drain.enter()
    leave()
    leave()
    assert.equal(drain.inFlight, 1)
  })

  it('gives up with TM_CORE_DEADLINE when something does not end', async () => {
    const clock = createVirtualClock()
    const drain = createDrain('it', clock)
    drain.enter()
    const drained = assert.rejects(drain.drain(50), { code: 'TM_CORE_DEADLINE' })
    await clock.advance(50)
    await drained
  })

  it('resolves every caller that waits', async () => {
    const drain = createDrain('it', createVirtualClock())
    const leave = drain.enter()
    const both = Promise.all([drain.drain(1000), drain.drain(1000)])
    leave()
    await both
  })
})

describe('close stack', () => {
  it('closes in reverse order, all of them, and throws the first failure', async () => {
    const order: string[] = []
    const stack = createCloseStack()
    stack.defer(() => void order.push('first'))
    stack.add({ close: () => Promise.reject(new Error('second failed')) })
    stack.defer(() => {
      order.push('third')
      throw new Error('third failed')
    })
    await assert.rejects(stack.close(), /third failed/u)
    assert.deepEqual(order, ['third', 'first'])
  })

  it('closes once, at the end of an await using block too', async () => {
    let closed = 0
    {
      await using stack = createCloseStack()
      stack.defer(() => void closed++)
      await Promise.all([stack.close(), stack.close()])
    }
    assert.equal(closed, 1)
  })
})
