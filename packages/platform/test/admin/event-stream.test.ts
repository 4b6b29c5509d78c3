import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { createVirtualClock } from '@tidemill/core'
import { createEventStream } from '../../src/admin/event-stream.ts'

/** A response whose reader can be made slow. */
class Reader extends EventEmitter {
  text = ''
  slow = false
  status = 0

  writeHead(status: number): this {
    this.status = status
    return this
  }

  write(chunk: string): boolean {
    this.text += chunk
    return !this.slow
  }

  end(): this {
    this.emit('close')
    return this
  }

  get response(): ServerResponse {
    return this as unknown as ServerResponse
  }
}

describe('event stream', () => {
  it('gives a new reader the newest state of each topic at once, then changes with the next flush', async () => {
    const clock = createVirtualClock()
    const stream = createEventStream(clock)
    stream.publish('overview', 1, { a: 1 })
    const reader = new Reader()
    stream.attach(reader.response)
    assert.match(reader.text, /id: 1\nevent: overview\ndata: \{"a":1\}\n\n$/u)
    stream.publish('overview', 2, { a: 2 })
    stream.publish('overview', 3, { a: 3 })
    assert.doesNotMatch(reader.text, /id: [23]/u)
    await clock.advance(250)
    assert.match(reader.text, /id: 3/u)
    assert.doesNotMatch(reader.text, /id: 2/u)
    stream.close()
  })
  it('holds nothing back for a slow reader but the newest state', async () => {
    const clock = createVirtualClock()
    const stream = createEventStream(clock)
    const reader = new Reader()
    stream.attach(reader.response)
    reader.slow = true
    for (let rev = 1; rev <= 5; rev++) {
      stream.publish('overview', rev, { rev })
      await clock.advance(250)
    }
    assert.match(reader.text, /id: 1/u)
    assert.doesNotMatch(reader.text, /id: 2/u)
    reader.slow = false
    reader.emit('drain')
    assert.match(reader.text, /id: 5/u)
    assert.doesNotMatch(reader.text, /id: [234]/u)
    stream.close()
  })
  it('beats while idle, forgets readers that left, and refuses one too many', async () => {
    const clock = createVirtualClock()
    const stream = createEventStream(clock, 1)
    const first = new Reader()
    const second = new Reader()
    stream.attach(first.response)
    stream.attach(second.response)
    assert.equal(second.status, 503)
    await clock.advance(10_000)
    assert.match(first.text, /: beat/u)
    first.emit('close')
    assert.equal(stream.clients, 0)
    stream.close()
    assert.equal(clock.pending <= 1, true)
  })
})
