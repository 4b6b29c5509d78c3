import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MessageQueue, PackedMessage } from '../../src/wire/message-queue.ts'

function source() {
  const seen = { taken: 0, awaited: 0, left: 0 }
  return {
    seen,
    taken: (bytes: number) => void (seen.taken += bytes),
    awaited: () => void seen.awaited++,
    left: () => void seen.left++,
    unpack: ({ bytes }: PackedMessage): string => {
      if (bytes.length === 0) throw new Error('nothing in it')
      return `unpacked ${bytes.toString()}`
    },
  }
}

describe('MessageQueue', () => {
  it('gives credit back when a message is taken, not when it comes', async () => {
    const home = source()
    const queue = new MessageQueue<string>(home)
    queue.push('a', 10)
    queue.push('b', 20)
    assert.equal(home.seen.taken, 0)
    assert.deepEqual(await queue.next(), { done: false, value: 'a' })
    assert.equal(home.seen.taken, 10)
  })

  it('says of each message that is taken whether it came compressed, however many came at once', async () => {
    const taken: boolean[] = []
    const queue = new MessageQueue<string>({
      ...source(),
      taken: (_, compressed) => void taken.push(compressed),
    })
    queue.push('a', 1, true)
    queue.push('b', 1, false)
    await queue.next()
    assert.deepEqual(taken, [true])
    await queue.next()
    const next = queue.next()
    queue.push('c', 1, true)
    await next
    assert.deepEqual(taken, [true, false, true])
  })

  it('tells that a reader waits, and hands the next message straight to it', async () => {
    const home = source()
    const queue = new MessageQueue<string>(home)
    const next = queue.next()
    assert.equal(home.seen.awaited, 1)
    assert.ok(queue.wanted)
    queue.push('a', 1)
    assert.deepEqual(await next, { done: false, value: 'a' })
  })

  it('throws its error once, after what is queued', async () => {
    const queue = new MessageQueue<string>(source())
    queue.push('a', 1)
    queue.end(new Error('broken'))
    assert.equal((await queue.next()).value, 'a')
    await assert.rejects(queue.next(), /broken/u)
    assert.equal((await queue.next()).done, true)
  })

  it('drops what is queued when it is aborted, and credits later messages at once', async () => {
    const home = source()
    const queue = new MessageQueue<string>(home)
    queue.push('a', 1)
    queue.abort(new Error('over'))
    queue.push('b', 7)
    assert.equal(home.seen.taken, 7)
    await assert.rejects(queue.next(), /over/u)
  })

  it('tells its source when the reader leaves', async () => {
    const home = source()
    const queue = new MessageQueue<string>(home)
    queue.push('a', 1)
    for await (const message of queue) {
      assert.equal(message, 'a')
      break
    }
    assert.equal(home.seen.left, 1)
  })

  it('stays cheap with many messages', async () => {
    const queue = new MessageQueue<number>(source())
    for (let i = 0; i < 5000; i++) queue.push(i, 1)
    for (let i = 0; i < 5000; i++) assert.equal((await queue.next()).value, i)
  })

  it('unpacks a packed message when it is taken, and gives its reader what that throws', async () => {
    const home = source()
    const queue = new MessageQueue<string>(home)
    const bytes = Buffer.from('x')
    queue.push(new PackedMessage(bytes), 10, true)
    queue.push(new PackedMessage(Buffer.alloc(0)), 5, true)
    queue.push('c', 1)
    bytes.fill(0)
    assert.equal(home.seen.taken, 0)
    assert.deepEqual(await queue.next(), { done: false, value: 'unpacked x' })
    await assert.rejects(queue.next(), /nothing in it/u)
    assert.deepEqual(await queue.next(), { done: false, value: 'c' })
    assert.equal(home.seen.taken, 16)
  })
})
