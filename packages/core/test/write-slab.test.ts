import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WriteSlab } from '@tidemill/core'
import fc from 'fast-check'

function drain(slab: WriteSlab): Buffer {
  const parts: Buffer[] = []
  for (let piece = slab.take(); piece !== undefined; piece = slab.take()) {
    parts.push(Buffer.from(piece.bytes))
    piece.release()
  }
  return Buffer.concat(parts)
}

test('bytes leave in the order in which they were written, whatever their sizes', () => {
  const write = fc.record({
    size: fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(200_000)),
    reserve: fc.boolean(),
    flush: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(write, { maxLength: 30 }), (writes) => {
      const slab = new WriteSlab()
      const expected: Buffer[] = []
      const got: Buffer[] = []
      writes.forEach(({ size, reserve, flush }, index) => {
        const bytes = Buffer.alloc(size, index + 1)
        expected.push(bytes)
        if (reserve) {
          const at = slab.reserve(size)
          bytes.copy(slab.buffer, at)
          slab.commit(at + size)
        } else slab.append(bytes)
        if (flush) got.push(drain(slab))
      })
      got.push(drain(slab))
      assert.equal(slab.pending, 0)
      assert.ok(Buffer.concat(got).equals(Buffer.concat(expected)))
    }),
    { numRuns: 60 },
  )
})

test('pending counts what was written and not taken', () => {
  const slab = new WriteSlab()
  slab.append(Buffer.alloc(10))
  slab.append(Buffer.alloc(20_000))
  slab.append(Buffer.alloc(5))
  assert.equal(slab.pending, 20_015)
  slab.take()
  assert.equal(slab.pending, 20_005)
  slab.clear()
  assert.equal(slab.pending, 0)
  assert.equal(slab.take(), undefined)
})

test('memory of a piece is not written over before it is released', () => {
  const slab = new WriteSlab()
  slab.append(Buffer.from('first'))
  const first = slab.take()
  const others = Array.from({ length: 200 }, (_, index) => {
    const other = new WriteSlab()
    other.append(Buffer.alloc(1000, index))
    return other.take()
  })
  assert.equal(first?.bytes.toString(), 'first')
  first?.release()
  for (const other of others) other?.release()
})

test('a piece released twice gives its memory back once', () => {
  const slab = new WriteSlab()
  slab.append(Buffer.from('x'))
  const piece = slab.take()
  piece?.release()
  piece?.release()
  const one = new WriteSlab()
  const two = new WriteSlab()
  one.append(Buffer.from('one'))
  two.append(Buffer.from('two'))
  assert.equal(one.take()?.bytes.toString(), 'one')
  assert.equal(two.take()?.bytes.toString(), 'two')
})

test('a large append is not copied', () => {
  const slab = new WriteSlab()
  const bytes = Buffer.alloc(32 * 1024, 1)
  slab.append(bytes)
  const piece = slab.take()
  assert.equal(piece?.bytes.buffer, bytes.buffer)
})

test('room that was reserved and not committed is not sent', () => {
  const slab = new WriteSlab()
  slab.reserve(100)
  assert.equal(slab.pending, 0)
  slab.append(Buffer.from('after'))
  assert.equal(drain(slab).toString(), 'after')
})

test('counts what was taken or thrown away, not what waits', () => {
  const slab = new WriteSlab()
  slab.append(Buffer.alloc(10))
  assert.equal(slab.taken, 0)
  slab.take()?.release()
  slab.append(Buffer.alloc(20_000))
  slab.append(Buffer.alloc(5))
  slab.take()?.release()
  assert.deepEqual([slab.taken, slab.pending], [20_010, 5])
  slab.clear()
  assert.equal(slab.taken, 20_015)
})
