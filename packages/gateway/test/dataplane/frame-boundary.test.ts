import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { FrameBoundary } from '../../src/dataplane/frame-boundary.ts'

/** One unmasked frame. */
function frame(size: number): Buffer {
  const payload = Buffer.alloc(size, 0x88)
  if (size < 126) return Buffer.concat([Buffer.from([0x82, size]), payload])
  if (size < 65_536)
    return Buffer.concat([Buffer.from([0x82, 126, size >> 8, size & 255]), payload])
  const head = Buffer.alloc(10)
  head[0] = 0x82
  head[1] = 127
  head.writeUInt32BE(size, 6)
  return Buffer.concat([head, payload])
}

it('finds the boundaries of frames wherever the bytes are cut', () => {
  const size = fc.oneof(fc.nat(10), fc.constantFrom(125, 126, 127, 300, 65_535, 65_536, 70_000))
  fc.assert(
    fc.property(fc.array(size, { maxLength: 5 }), fc.array(fc.nat(1000)), (sizes, cuts) => {
      const frames = sizes.map(frame)
      const bytes = Buffer.concat(frames)
      const ends = new Set([0])
      let at = 0
      for (const one of frames) ends.add((at += one.length))
      const boundary = new FrameBoundary()
      let done = 0
      for (const cut of [...cuts, bytes.length]) {
        const chunk = bytes.subarray(done, done + cut + 1)
        const first = boundary.pass(chunk)
        const expected = [...ends].find((end) => end > done && end <= done + chunk.length)
        assert.equal(first, expected === undefined ? -1 : expected - done)
        done += chunk.length
        assert.equal(boundary.between, ends.has(done))
      }
    }),
  )
})
