import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AnySchema, type Infer, type InferInput, type Problem, schema } from '@tidemill/core'
import fc from 'fast-check'

function problems(of: AnySchema, value: unknown): readonly Problem[] {
  const result = of.validate(value)
  return result.ok ? [] : result.problems
}

const line = schema.object({
  sku: schema.string({ min: 1, max: 32 }),
  description: schema.string({ max: 200 }).optional(),
  quantity: schema.integer({ min: 1 }),
  unitPrice: schema.integer({ min: 0 }),
})
const order = schema.object({
  customer: schema.string({ min: 1 }).brand('Customer'),
  currency: schema.literal('GBP', 'EUR').default('GBP'),
  wait: schema.duration({ max: '1h' }).default('5s'),
  note: schema.string().nullable(),
  lines: schema.array(line, { min: 1, max: 10_000 }),
})
const good = { customer: 'c1', note: null, lines: [{ sku: 'a', quantity: 1, unitPrice: 0 }] }

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
const isTrue = (yes: true): void => assert.ok(yes)

describe('schema', () => {
  it('infers the types of its output and its input', () => {
    type Line = { sku: string; quantity: number; unitPrice: number; description?: string }
    isTrue(true satisfies Same<Infer<typeof line>, Line>)
    const output: Infer<typeof order> = order.parse(good)
    const input: InferInput<typeof order> = { ...good, wait: '1m' }
    const { currency }: { currency: 'GBP' | 'EUR' } = output
    assert.equal(currency, 'GBP')
    assert.equal(order.parse(input).wait, 60_000)
  })

  it('copies the input, with defaults in it and absent options absent', () => {
    assert.deepEqual(order.parse(good), { ...good, currency: 'GBP', wait: 5000 })
    assert.notEqual(order.parse(good).lines, good.lines)
  })

  it('gives each output its own copy of a default', () => {
    const holder = schema.object({ list: schema.array(schema.integer()).default([1]) })
    holder.parse({}).list.push(2)
    assert.deepEqual(holder.parse({}), { list: [1] })
  })

  it('reports every problem at once, each with path, received and expected', () => {
    const bad = {
      customer: '',
      currency: 'USD',
      wait: '5',
      lines: [{ sku: 'a', quantty: 1, unitPrice: 0.5 }, 7],
    }
    const seen = problems(order, bad).map(({ path, message, received }) => [
      path,
      message,
      received,
    ])
    assert.deepEqual(seen, [
      ['/customer', 'must be a string of at least 1 characters', '""'],
      ['/currency', 'must be one of "GBP", "EUR"', '"USD"'],
      ['/wait', 'must be a duration such as 250ms, 5s or 1h30m of at most 1h', '"5"'],
      ['/note', 'is missing', 'nothing'],
      ['/lines/0/quantity', 'is missing', 'nothing'],
      ['/lines/0/unitPrice', 'must be an integer of at least 0', '0.5'],
      ['/lines/0/quantty', 'is not a known key; did you mean "quantity"?', '"quantty"'],
      ['/lines/1', 'must be an object', '7'],
    ])
    assert.throws(() => order.parse(bad, 'the order'), {
      code: 'TM_CORE_INVALID',
      message: /the order is not valid: \/customer must be .*; and 5 more/u,
    })
  })

  it('stops at a hundred problems', () => {
    const lines = Array.from({ length: 10_000 }, () => ({}))
    assert.equal(problems(order, { ...good, lines }).length, 100)
  })

  it('escapes keys in paths as RFC 6901 has it', () => {
    assert.equal(problems(schema.record(schema.integer()), { 'a/b~c': 'x' })[0]?.path, '/a~1b~0c')
  })

  it('takes own properties only and keeps prototypes out', () => {
    const one = schema.object({ toString: schema.string().optional() })
    assert.deepEqual(Object.keys(one.parse({})), [])
    const hostile: unknown = JSON.parse('{"__proto__": {"admin": true}}')
    assert.equal(problems(one, hostile)[0]?.path, '/__proto__')
    assert.equal(problems(schema.record(schema.json()), hostile).length, 1)
    assert.equal(problems(schema.json(), hostile).length, 1)
    assert.equal('admin' in {}, false)
  })

  it('drops unknown keys only where told', () => {
    assert.deepEqual(schema.object({}, { unknown: 'drop' }).parse({ a: 1 }), {})
  })

  it('refuses a schema that cannot work, at construction', () => {
    const wrong = { code: 'TM_CORE_SCHEMA' }
    assert.throws(() => schema.integer({ min: 2, max: 1 }), wrong)
    assert.throws(() => schema.string({ min: 3 }).default('x'), wrong)
    assert.throws(() => schema.variant('t', { a: schema.object({ t: schema.json() }) }), wrong)
  })

  it('runs a condition on valid values only', () => {
    const even = schema.integer().refine((n) => n % 2 === 0, 'even')
    assert.equal(even.parse(4), 4)
    assert.equal(problems(even, 3)[0]?.message, 'must be even')
    assert.equal(problems(even, 'x')[0]?.message, 'must be an integer')
    const optional = schema.object({ n: even.optional() })
    assert.deepEqual(optional.parse({}), {})
  })

  it('speaks Standard Schema', () => {
    const { version, vendor, validate } = order['~standard']
    assert.deepEqual([version, vendor], [1, 'tidemill'])
    assert.deepEqual(validate(good), { value: order.parse(good) })
    const { issues } = validate({ ...good, lines: [1] })
    assert.deepEqual(issues, [{ message: 'must be an object', path: ['lines', '0'] }])
  })

  it('writes JSON Schema 2020-12', () => {
    assert.deepEqual(order.describe('An order').jsonSchema(), {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      description: 'An order',
      type: 'object',
      additionalProperties: false,
      required: ['customer', 'note', 'lines'],
      properties: {
        customer: { type: 'string', minLength: 1 },
        currency: { enum: ['GBP', 'EUR'], default: 'GBP' },
        wait: { type: 'string', pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$', default: '5s' },
        note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
        lines: {
          type: 'array',
          minItems: 1,
          maxItems: 10_000,
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['sku', 'quantity', 'unitPrice'],
            properties: {
              sku: { type: 'string', minLength: 1, maxLength: 32 },
              description: { type: 'string', maxLength: 200 },
              quantity: { type: 'integer', minimum: 1 },
              unitPrice: { type: 'integer', minimum: 0 },
            },
          },
        },
      },
    })
  })

  it('never throws, and what it accepts once it accepts again unchanged', () => {
    const any = schema.union(
      schema.integer(),
      schema.array(schema.json()),
      schema.record(schema.json()),
    )
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: true, withBigInt: true, withSparseArray: true }),
        (value) => {
          for (const each of [order, any, schema.json(), schema.duration(), schema.string()]) {
            const result = each.validate(value)
            if (!result.ok) assert.ok(result.problems.length > 0)
            else if (each !== order && !('wait' in Object(result.value))) {
              const again = each.validate(result.value)
              if (each.rule.json()['type'] !== 'string') assert.deepEqual(again, result)
            }
          }
        },
      ),
    )
  })
})

describe('scalars', () => {
  it('counts characters as JSON Schema does: by code point', () => {
    const two = schema.string({ min: 2, max: 2 })
    assert.equal(two.parse('😀😀'), '😀😀')
    assert.equal(problems(two, '😀').length, 1)
    assert.equal(problems(two, '😀😀😀').length, 1)
  })

  it('refuses a lone surrogate, which UTF-8 cannot carry', () => {
    assert.equal(problems(schema.string(), 'a\ud800').length, 1)
  })

  it('matches a pattern from the start each time, even one with the flag g', () => {
    const word = schema.string({ pattern: /^a+$/gu })
    assert.equal(word.parse('aa'), 'aa')
    assert.equal(word.parse('aa'), 'aa')
    assert.equal(problems(word, 'ab').length, 1)
  })

  it('takes safe integers, finite numbers and booleans and nothing like them', () => {
    for (const bad of [1.5, 2 ** 53, Number.NaN, Infinity, '1', 1n, null, undefined, true]) {
      assert.equal(problems(schema.integer(), bad).length, 1)
    }
    assert.equal(schema.number({ max: 2 }).parse(1.5), 1.5)
    for (const bad of [Number.NaN, Infinity, 3]) {
      assert.equal(problems(schema.number({ max: 2 }), bad).length, 1)
    }
    assert.equal(schema.boolean().parse(false), false)
    assert.equal(problems(schema.boolean(), 0).length, 1)
  })

  it('bounds a duration on both sides', () => {
    const wait = schema.duration({ min: '1s', max: '1m' })
    assert.equal(wait.parse('1m'), 60_000)
    for (const bad of ['999ms', '61s', 5, '5', `${'1'.repeat(99)}s`]) {
      assert.equal(problems(wait, bad).length, 1)
    }
  })
})

describe('json', () => {
  it('bounds nesting and survives a cycle', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    assert.match(
      problems(schema.json({ maxDepth: 3 }), cycle)[0]?.message ?? '',
      /nested at most 3/u,
    )
    assert.deepEqual(schema.json({ maxDepth: 2 }).parse([[1]]), [[1]])
  })

  it('refuses what JSON cannot hold', () => {
    for (const bad of [undefined, 1n, Number.NaN, () => 1, Symbol('x'), '\udc00']) {
      assert.equal(problems(schema.json(), [bad])[0]?.path, '/0')
    }
  })
})

describe('unions', () => {
  const payment = schema.variant('kind', {
    card: schema.object({ number: schema.string() }),
    bank: schema.object({ iban: schema.string() }),
  })

  it('takes the first that fits, or names all', () => {
    const either = schema.union(schema.integer(), schema.string())
    assert.equal(either.parse('x'), 'x')
    assert.equal(problems(either, true)[0]?.message, 'must be an integer or a string')
  })

  it('shows the problems inside the branch whose kind fits', () => {
    const either = schema.union(schema.string(), schema.object({ a: schema.integer() }))
    assert.deepEqual(problems(schema.array(either), [{ a: 'x' }])[0]?.path, '/0/a')
  })

  it('tells variants apart by their tag', () => {
    const paid = payment.parse({ kind: 'card', number: '4' })
    assert.equal(paid.kind === 'card' && paid.number, '4')
    assert.deepEqual(
      problems(payment, { kind: 'bank', number: '4' }).map(({ path }) => path),
      ['/iban', '/number'],
    )
    assert.equal(problems(payment, { kind: 'toString' })[0]?.path, '/kind')
    assert.equal(problems(payment, {})[0]?.path, '/kind')
    assert.equal(problems(payment, null)[0]?.path, '')
  })

  it('writes both as JSON Schema', () => {
    assert.deepEqual(schema.union(schema.boolean(), schema.literal(1)).rule.json(), {
      anyOf: [{ type: 'boolean' }, { const: 1 }],
    })
    assert.equal((payment.rule.json()['oneOf'] as unknown[]).length, 2)
  })
})
