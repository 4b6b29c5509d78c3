import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { columnOfField, createCsvParser, type CsvRecord, longestRecord } from '@tidemill/shop'

function parse(...pieces: string[]): CsvRecord[] {
  const parser = createCsvParser()
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]
}

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`

describe('CSV parser', () => {
  it('gives back any table, however it is quoted, ended and cut into pieces', () => {
    const field = fc.string({ unit: fc.constantFrom('a', 'ü', '"', ',', '\n', '\r', ' ', '£') })
    const table = fc.array(fc.array(field, { minLength: 2, maxLength: 5 }), { minLength: 1 })
    fc.assert(
      fc.property(table, fc.boolean(), fc.boolean(), fc.nat(7), (rows, crlf, last, size) => {
        const end = crlf ? '\r\n' : '\n'
        const text = rows.map((row) => row.map(quoted).join(',')).join(end) + (last ? end : '')
        const pieces = text.match(new RegExp(`[^]{1,${size + 1}}`, 'gu')) ?? []
        assert.deepEqual(
          parse(...pieces).map((record) => record.fields),
          rows,
        )
      }),
    )
  })

  it('survives any text and never loses count of its lines', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r') })
    fc.assert(
      fc.property(text, (input) => {
        let line = 0
        for (const record of parse(input)) {
          assert.ok(record.line > line)
          line = record.line
        }
        assert.ok(line <= input.split('\n').length)
      }),
    )
  })

  it('passes over blank lines and a byte order mark, and takes a last line without an end', () => {
    assert.deepEqual(
      parse('\uFEFFa,b\n\n\r\nc,d').map(({ line, fields }) => [line, fields.join('|')]),
      [
        [1, 'a|b'],
        [4, 'c|d'],
      ],
    )
  })

  it('reports a fault with line and column and goes on at the next line', () => {
    const records = parse('a,b\nx,y"z\n"p"q,r\nc,d\n')
    assert.deepEqual(
      records.map(({ line, fault }) => [line, fault?.column]),
      [
        [1, undefined],
        [2, 4],
        [3, 4],
        [4, undefined],
      ],
    )
  })

  it('reports a quote that is never closed at its opening', () => {
    const [, bad] = parse('a,b\n1,"open\n')
    assert.deepEqual([bad?.line, bad?.fault?.column], [2, 3])
    assert.match(bad?.fault?.message ?? '', /not closed/u)
  })

  it('gives up on a record that grows without end', () => {
    assert.match(parse('x'.repeat(longestRecord + 1))[0]?.raw ?? '', /^x+$/u)
    const parser = createCsvParser()
    assert.match(parser.push('x'.repeat(longestRecord + 1))[0]?.fault?.message ?? '', /longer/u)
    const open = createCsvParser()
    const [record] = open.push(`"${'y'.repeat(longestRecord)}\nz,z\n`)
    assert.match(record?.fault?.message ?? '', /not closed/u)
  })

  it('knows the column of a field behind a quoted one', () => {
    const [record] = parse('"a,""b",c,d\n')
    assert.ok(record)
    assert.deepEqual(
      [0, 1, 2].map((index) => columnOfField(record, index)),
      [1, 9, 11],
    )
  })
})
