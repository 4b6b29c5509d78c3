import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Channel } from '../../src/workers/channel.ts'

interface Talk {
  readonly events: { readonly said: string }
  readonly calls: {
    readonly add: { readonly ask: readonly [number, number]; readonly answer: number }
  }
}

/** Two ends whose frames go through JSON, as those of processes do. */
function pair(): [Channel<Talk, Talk>, Channel<Talk, Talk>] {
  const pass = (to: () => Channel<Talk, Talk>) => (frame: unknown) => {
    const text = JSON.stringify(frame)
    queueMicrotask(() => to().receive(JSON.parse(text)))
  }
  const left: Channel<Talk, Talk> = new Channel(pass(() => right))
  const right: Channel<Talk, Talk> = new Channel(pass(() => left))
  return [left, right]
}

describe('Channel', () => {
  it('carries events to their listener, and drops what nobody listens for', async () => {
    const [left, right] = pair()
    const heard: string[] = []
    left.event('said', 'too early')
    await Promise.resolve()
    right.onEvent('said', (text) => heard.push(text))
    left.event('said', 'hello')
    await Promise.resolve()
    assert.deepEqual(heard, ['hello'])
  })

  it('brings each answer to its question, in whatever order they come', async () => {
    const [left, right] = pair()
    const waiting: (() => void)[] = []
    right.onAsk('add', async ([a, b]) => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      return a + b
    })
    const asked = [left.ask('add', [1, 2]), left.ask('add', [3, 4])]
    while (waiting.length < 2) await Promise.resolve()
    for (const resolve of waiting.toReversed()) resolve()
    assert.deepEqual(await Promise.all(asked), [3, 7])
  })

  it('gives what the other side threw, and null of one who does not know the question', async () => {
    const [left, right] = pair()
    assert.equal(await left.ask('add', [1, 2]), null)
    right.onAsk('add', () => {
      throw new Error('cannot count')
    })
    await assert.rejects(left.ask('add', [1, 2]), /cannot count/u)
  })

  it('ends open and later questions with TM_GATEWAY_WORKER_LOST when it is lost', async () => {
    const [left] = pair()
    const open = left.ask('add', [1, 2])
    left.lose()
    await assert.rejects(open, { code: 'TM_GATEWAY_WORKER_LOST' })
    await assert.rejects(left.ask('add', [1, 2]), { code: 'TM_GATEWAY_WORKER_LOST' })
    left.event('said', 'into the void')
  })

  it('takes messages that are not its own without harm', () => {
    const [left] = pair()
    for (const message of [undefined, null, 'x', 7, {}, [], ['ask'], ['answer', 99, 1], ['other']])
      left.receive(message)
  })
})
