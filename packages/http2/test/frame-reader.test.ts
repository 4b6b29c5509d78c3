import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader, type FrameSink } from '../src/internal/frame-reader.ts'
import { frame, frames } from './lib/frames.ts'

/** Notes what a reader says, parts of DATA joined. */
class Notes implements FrameSink {
  readonly list: string[] = []
  #data = ''

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    this.list.push(`${type} ${flags} ${id} ${bytes.toString('hex', start, end)}`)
  }

  dataBegins(flags: number, id: number, length: number, padding: number): void {
    this.list.push(`data ${flags} ${id} ${length} ${padding}`)
    this.#data = ''
  }

  dataPart(bytes: Buffer, start: number, end: number, last: boolean): void {
    this.#data += bytes.toString('hex', start, end)
    if (last) this.list.push(this.#data)
  }

  malformed(code: number, reason: string): void {
    this.list.push(`malformed ${code} ${reason}`)
    this.reader?.stop()
  }

  reader: FrameReader | undefined
}

function read(parts: readonly Buffer[], preface = false): string[] {
  const notes = new Notes()
  const reader = new FrameReader(notes, 16_384, preface)
  notes.reader = reader
  for (const part of parts) reader.feed(part)
  return notes.list
}

const everyKind = Buffer.concat([
  frame(frames.SETTINGS, 0, 0, [0, 3, 0, 0, 0, 9]),
  frame(frames.HEADERS, 0, 1, Buffer.from('abc')),
  frame(frames.CONTINUATION, 4, 1, Buffer.from('def')),
  frame(frames.DATA, 0, 1, Buffer.from('hello')),
  frame(frames.DATA, frames.PADDED, 1, [3, 65, 66, 0, 0, 0]),
  frame(frames.DATA, frames.PADDED, 1, [0]),
  frame(frames.DATA, frames.PADDED, 1, [2, 0, 0]),
  frame(frames.DATA, 1, 1),
  frame(frames.PRIORITY, 0, 3, [0, 0, 0, 1, 9]),
  frame(frames.RST_STREAM, 0, 1, [0, 0, 0, 8]),
  frame(frames.PING, 1, 0, Buffer.from('12345678')),
  frame(frames.GOAWAY, 0, 0, Buffer.alloc(20)),
  frame(frames.WINDOW_UPDATE, 0, 0, [0, 0, 1, 0]),
  frame(0xee, 7, 0x7fffffff, Buffer.from('unknown')),
])

test('reads the same frames one byte at a time as whole', () => {
  const whole = read([everyKind])
  assert.equal(whole.length, 14 + 5)
  const bytes = Array.from(everyKind, (byte) => Buffer.from([byte]))
  assert.deepEqual(read(bytes), whole)
})

test('reads the same frames however the bytes are cut', () => {
  const whole = read([everyKind])
  const positions = fc.array(fc.nat(everyKind.length), { maxLength: 12 })
  fc.assert(
    fc.property(positions, (cuts) => {
      const sorted = cuts.toSorted((a, b) => a - b)
      const parts = [0, ...sorted].map((from, i) => everyKind.subarray(from, sorted[i]))
      assert.deepEqual(read(parts), whole)
    }),
    { numRuns: 500 },
  )
})

test('passes data on without copying it', () => {
  const chunk = frame(frames.DATA, 0, 1, Buffer.from('body'))
  const seen: Buffer[] = []
  const notes = new Notes()
  notes.dataPart = (bytes) => void seen.push(bytes)
  new FrameReader(notes, 16_384, false).feed(chunk)
  assert.equal(seen[0], chunk)
})

test('refuses a frame that is announced larger than allowed before it is gathered', () => {
  assert.deepEqual(read([Buffer.from([0, 0x40, 1, 4, 0, 0, 0, 0, 0])]), [
    'malformed 6 a frame of 16385 bytes',
  ])
})

test('refuses padding as long as its frame, and a padded frame without a pad length', () => {
  const padding = read([frame(frames.DATA, frames.PADDED, 1, [2, 65])])
  assert.deepEqual(padding, ['malformed 1 padding as long as the frame'])
  const none = read([frame(frames.DATA, frames.PADDED, 1)])
  assert.deepEqual(none, ['malformed 6 a padded frame without a pad length'])
})

test('tells a client of HTTP/2 from others at the first byte that differs', () => {
  assert.deepEqual(
    read([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n'), Buffer.from('\r\n')], true),
    [],
  )
  assert.deepEqual(read([Buffer.from('G')], true), ['malformed 1 not the HTTP/2 client preface'])
  assert.deepEqual(read([Buffer.from('PRI * HTTP/1')], true), [
    'malformed 1 not the HTTP/2 client preface',
  ])
})

test('ignores the high bit of a stream id', () => {
  const bytes = frame(frames.PING, 0, 0, Buffer.from('12345678'))
  bytes[5] = 0x80
  assert.deepEqual(read([bytes]), [`6 0 0 ${Buffer.from('12345678').toString('hex')}`])
})
