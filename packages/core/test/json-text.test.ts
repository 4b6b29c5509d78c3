import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseJson, type ParseJsonOptions, type Problem, TidemillError } from '@tidemill/core'
import fc from 'fast-check'

function refusal(text: string | Uint8Array, options?: ParseJsonOptions): TidemillError {
  try {
    parseJson(text, options)
  } catch (error) {
    assert.ok(TidemillError.is(error), String(error))
    return error
  }
  return assert.fail(`accepted ${String(text)}`)
}

describe('parseJson', () => {
  const cases = [
    { text: '', at: [1, 1], reason: /expected a value, found the end/u, path: '' },
    { text: '{"a": 1,\n "b": }', at: [2, 7], reason: /expected a value, found "\}"/u, path: '/b' },
    { text: '{"a" 1}', at: [1, 6], reason: /expected ":"/u, path: '/a' },
    { text: '{a: 1}', at: [1, 2], reason: /expected a key in double quotes/u, path: '' },
    { text: '[1, 2,]', at: [1, 7], reason: /expected a value/u, path: '/2' },
    { text: '[1 2]', at: [1, 4], reason: /expected "," or "\]"/u, path: '' },
    { text: '{"a":[{"b":tru}]}', at: [1, 12], reason: /expected a value/u, path: '/a/0/b' },
    { text: '01', at: [1, 2], reason: /expected the end of the text/u, path: '' },
    { text: '1.', at: [1, 2], reason: /expected the end of the text/u, path: '' },
    { text: 'NaN', at: [1, 1], reason: /expected a value/u, path: '' },
    { text: '"abc', at: [1, 1], reason: /no closing quote/u, path: '' },
    { text: '"a\nb"', at: [1, 3], reason: /control character/u, path: '' },
    { text: String.raw`"a\x"`, at: [1, 3], reason: /not an escape/u, path: '' },
    { text: '{} {}', at: [1, 4], reason: /expected the end/u, path: '' },
    { text: '\ufeff{}', at: [1, 1], reason: /expected a value/u, path: '' },
    { text: '{"a":{"__proto__":1}}', at: [1, 7], reason: /__proto__/u, path: '/a/__proto__' },
    {
      text: String.raw`{"_\u005fproto__":1}`,
      at: [1, 2],
      reason: /__proto__/u,
      path: '/__proto__',
    },
  ] as const
  for (const { text, at, reason, path } of cases) {
    it(`says where ${JSON.stringify(text)} is wrong`, () => {
      const error = refusal(text)
      const [problem] = error.details['problems'] as Problem[]
      assert.equal(error.code, 'TM_CORE_JSON_SYNTAX')
      assert.match(problem?.message ?? '', reason)
      assert.deepEqual([problem?.line, problem?.column], at)
      assert.equal(problem?.path, path)
    })
  }

  it('accepts "__proto__" as a value', () => {
    assert.deepEqual(parseJson('["__proto__"]'), ['__proto__'])
  })

  it('refuses nesting beyond the limit, however deep, without overflowing the stack', () => {
    assert.match(refusal('[[[1]]]', { maxDepth: 2 }).message, /nested deeper than 2/u)
    assert.deepEqual(parseJson('[[1], "[[[[["]', { maxDepth: 2 }), [[1], '[[[[['])
    assert.equal(refusal('['.repeat(500_000)).code, 'TM_CORE_JSON_SYNTAX')
    assert.equal(refusal('{"a":'.repeat(100_000)).code, 'TM_CORE_JSON_SYNTAX')
  })

  it('refuses more bytes than the limit before it looks at them', () => {
    assert.equal(refusal('"éé"', { maxBytes: 5 }).code, 'TM_CORE_JSON_TOO_LARGE')
    assert.equal(parseJson('"éé"', { maxBytes: 6 }), 'éé')
    assert.equal(refusal(new Uint8Array(11), { maxBytes: 10 }).http, 413)
  })

  it('refuses bytes that are not UTF-8, but not a true U+FFFD', () => {
    const bytes = Uint8Array.of(0x22, 0x61, 0xff, 0x22)
    assert.match(refusal(bytes).message, /line 1, column 3: the bytes are not UTF-8/u)
    assert.equal(parseJson(new TextEncoder().encode('"\ufffd"')), '\ufffd')
  })

  it('refuses a repeated key where asked', () => {
    const text = '{"quantity": 1, "quantity": 100}'
    assert.deepEqual(parseJson(text), { quantity: 100 })
    const error = refusal(text, { uniqueKeys: true })
    assert.match(error.message, /column 17: this key was given before/u)
    assert.deepEqual(parseJson('[{"a":1},{"a":2}]', { uniqueKeys: true }), [{ a: 1 }, { a: 2 }])
  })

  it('gives for every JSON text what JSON.parse gives, with and without the second pass', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        fc.pre(!text.includes('__proto__'))
        const expected: unknown = JSON.parse(text)
        assert.deepEqual(parseJson(text), expected)
        assert.deepEqual(parseJson(new TextEncoder().encode(text)), JSON.parse(text.toWellFormed()))
      }),
    )
  })

  it('refuses what JSON.parse refuses, with a position inside the text', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        fc.nat(),
        fc.string({ maxLength: 2 }),
        (text, n, cut) => {
          const at = n % text.length
          const damaged = text.slice(0, at) + cut + text.slice(at + 1)
          let valid = true
          try {
            JSON.parse(damaged)
          } catch {
            valid = false
          }
          fc.pre(!valid)
          const error = refusal(damaged)
          assert.equal(error.code, 'TM_CORE_JSON_SYNTAX')
          const lines = damaged.split('\n')
          const line = lines[(error.details['line'] as number) - 1]
          assert.ok(line !== undefined && (error.details['column'] as number) <= line.length + 1)
        },
      ),
    )
  })
})
