import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeMessage, encodeMessage } from '../../src/wire/percent.ts'

describe('grpc-message', () => {
  it('leaves printable ASCII as it is and escapes the rest as UTF-8', () => {
    assert.equal(encodeMessage('plain text ~!'), 'plain text ~!')
    assert.equal(encodeMessage('\t100% ☺\n'), '%09100%25 %E2%98%BA%0A')
  })

  it('gives back every text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        (text) => decodeMessage(encodeMessage(text)) === text,
      ),
    )
  })

  it('never throws, and keeps what is no escape', () => {
    assert.equal(decodeMessage('%'), '%')
    assert.equal(decodeMessage('%4'), '%4')
    assert.equal(decodeMessage('%zz%41%'), '%zzA%')
    assert.equal(decodeMessage('%FF'), '�')
    fc.assert(
      fc.property(fc.string(), (text) => {
        decodeMessage(text)
      }),
    )
  })
})
