import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { badFlag, MessageReader, tooLarge } from '../../src/wire/message-reader.ts'

function collect(): {
  readonly got: string[]
  onMessage(b: Buffer, s: number, e: number, c: boolean): void
} {
  const got: string[] = []
  return {
    got,
    onMessage: (buffer, start, end, compressed) =>
      void got.push(`${compressed ? 'z' : '-'}${buffer.toString('hex', start, end)}`),
  }
}

function frame(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

describe('MessageReader', () => {
  it('gives the same messages wherever the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.boolean()), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 }),
        (messages, cuts) => {
          const bytes = Buffer.concat(
            messages.map(([message, flag]) => frame(message, flag ? 1 : 0)),
          )
          const sink = collect()
          const reader = new MessageReader(1000)
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const next = at + (cuts[i % cuts.length] as number)
            // A copy that is overwritten: nothing may be kept of a chunk.
            const chunk = Buffer.from(bytes.subarray(at, next))
            assert.equal(reader.feed(chunk, sink), 0)
            chunk.fill(0xee)
            at = next
          }
          assert.ok(reader.atBoundary)
          assert.equal(reader.missing, 0)
          assert.deepEqual(
            sink.got,
            messages.map(([m, flag]) => `${flag ? 'z' : '-'}${Buffer.from(m).toString('hex')}`),
          )
        },
      ),
    )
  })

  it('judges the length before it keeps or awaits anything', () => {
    for (const head of ['00ffffffff', '0000000065']) {
      const reader = new MessageReader(100)
      assert.equal(reader.feed(Buffer.from(head, 'hex'), collect()), tooLarge)
      assert.equal(reader.refused, head === '00ffffffff' ? 0xffffffff : 101)
    }
    const split = new MessageReader(100)
    assert.equal(split.feed(Buffer.from('00ff', 'hex'), collect()), 0)
    assert.equal(split.feed(Buffer.from('ffffff', 'hex'), collect()), tooLarge)
  })

  it('refuses a compressed flag that is neither 0 nor 1', () => {
    assert.equal(new MessageReader(100).feed(Buffer.from('0200000000', 'hex'), collect()), badFlag)
  })

  it('knows how much is missing and that it is inside a message', () => {
    const reader = new MessageReader(1000)
    reader.feed(frame(new Uint8Array(100)).subarray(0, 30), collect())
    assert.equal(reader.missing, 75)
    assert.equal(reader.atBoundary, false)
  })

  it('holds no more memory than what has arrived', () => {
    const reader = new MessageReader(1 << 30)
    const head = Buffer.from([0, 0x3f, 0, 0, 0])
    const before = process.memoryUsage().arrayBuffers
    reader.feed(Buffer.concat([head, Buffer.alloc(10)]), collect())
    assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000)
  })
})
