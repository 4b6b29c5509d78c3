import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Metadata } from '../../src/index.ts'
import { decodeBinary, encodeBinary } from '../../src/wire/metadata.ts'

describe('metadata', () => {
  it('keeps several values of a name in order', () => {
    const metadata = new Metadata({ a: ['1', '2'], b: 'x' })
    metadata.append('A', '3')
    assert.deepEqual(metadata.getAll('a'), ['1', '2', '3'])
    assert.equal(metadata.get('B'), 'x')
    metadata.set('a', '4').delete('b')
    assert.deepEqual([...metadata], [['a', '4']])
  })

  it('refuses to send what gRPC cannot carry', () => {
    const bad: [string, string | Uint8Array][] = [
      ['a', 'ü'],
      ['a', 'line\nbreak'],
      ['a\u0000', 'x'],
      ['', 'x'],
      ['grpc-status', '0'],
      ['grpc-anything', '0'],
      [':path', '/'],
      ['content-type', 'x'],
      ['te', 'trailers'],
      ['connection', 'close'],
      ['a-bin', 'text'],
      ['a', new Uint8Array(1)],
    ]
    for (const [name, value] of bad) {
      assert.throws(() => new Metadata([[name, value]]), { code: 'TM_RPC_METADATA' }, name)
    }
  })

  it('hides the names of the protocol in what came from the peer', () => {
    const list = [
      ':status',
      '200',
      'content-type',
      'application/grpc',
      'grpc-status',
      '0',
      'x',
      'y',
    ]
    const metadata = Metadata.fromHeaders(list)
    assert.deepEqual([...metadata], [['x', 'y']])
    assert.equal(metadata.get('grpc-status'), undefined)
    assert.deepEqual([...new Metadata(metadata)], [['x', 'y']])
  })

  it('does not change the list it was read from', () => {
    const list = Object.freeze(['a', '1'])
    const metadata = Metadata.fromHeaders(list)
    metadata.append('b', '2').delete('a')
    assert.deepEqual(list, ['a', '1'])
    assert.deepEqual([...metadata], [['b', '2']])
  })

  it('reads base64 with and without padding, and lists of it', () => {
    const read = (text: string) =>
      decodeBinary(text)?.map((bytes) => Buffer.from(bytes).toString('hex'))
    assert.deepEqual(read('AQ=='), ['01'])
    assert.deepEqual(read('AQ'), ['01'])
    assert.deepEqual(read('AQ,AgM=, BAUG'), ['01', '0203', '040506'])
    for (const text of ['A', '!', 'AQ===', 'A=Q', 'AQ-_'])
      assert.equal(decodeBinary(text), undefined, text)
  })

  it('sends any bytes without padding and reads them back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = encodeBinary(bytes)
        assert.ok(!text.includes('='))
        const metadata = new Metadata({ 'k-bin': bytes })
        assert.deepEqual(Buffer.from(metadata.getBinary('k-bin') ?? []), Buffer.from(bytes))
      }),
    )
  })
})
