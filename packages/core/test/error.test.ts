import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  coreErrors,
  errorTable,
  problemContentType,
  problemDocument,
  TidemillError,
} from '@tidemill/core'

describe('TidemillError', () => {
  it('puts its code in front of the message and gives the text without it', () => {
    const error = new TidemillError('TM_X_Y', 'it broke')
    assert.equal(error.message, '[TM_X_Y] it broke')
    assert.equal(error.text, 'it broke')
    assert.equal(error.http, 500)
    assert.equal(error.retryable, false)
    assert.equal(error.docs, 'docs/errors.md#tm_x_y')
  })

  it('survives JSON with everything but its cause', () => {
    const cause = new Error('secret')
    const error = coreErrors.error('TM_CORE_DEADLINE', { what: 'it', ms: 5 }, { cause })
    const copy = TidemillError.fromJSON(JSON.parse(JSON.stringify(error)))
    assert.deepEqual(copy.toJSON(), error.toJSON())
    assert.equal(error.cause, cause)
    assert.equal(copy.cause, undefined)
  })

  it('is recognised by its mark and code, not by its class', () => {
    const foreign = Object.assign(Object.create(TidemillError.prototype), { code: 'TM_A_B' })
    assert.ok(TidemillError.is(foreign, 'TM_A_B'))
    assert.ok(!TidemillError.is(foreign, 'TM_A_C'))
    for (const other of [null, undefined, 'TM_A_B', { code: 'TM_A_B' }, new Error('x')]) {
      assert.ok(!TidemillError.is(other))
    }
  })
})

describe('errorTable', () => {
  const row = { message: '{a} and {b} and {c}', hint: 'see {a}', zh: { message: '', hint: '' } }
  const table = errorTable('x', { TM_X_Y: { ...row, http: 418 } })

  it('fills texts from the details and leaves what it does not have', () => {
    const error = table.error('TM_X_Y', { a: 'one', b: [2] })
    assert.equal(error.text, 'one and [2] and {c}')
    assert.equal(error.hint, 'see one')
    assert.equal(error.http, 418)
  })

  it('does not read inherited properties of the details as facts', () => {
    const hostile = errorTable('x', { TM_X_Y: { ...row, message: '{toString}', http: 400 } })
    assert.equal(hostile.error('TM_X_Y').text, '{toString}')
  })
})

describe('problemDocument', () => {
  it('carries code, hint and every problem of the error', () => {
    const problems = [{ path: '/a', message: 'is missing' }]
    const error = coreErrors.error('TM_CORE_INVALID', { what: 'the order', summary: 's', problems })
    assert.deepEqual(problemDocument(error, { instance: '/orders' }), {
      type: '/docs/errors#tm_core_invalid',
      title: 'core: invalid',
      status: 400,
      detail: 'the order is not valid: s',
      instance: '/orders',
      code: 'TM_CORE_INVALID',
      hint: error.hint,
      retryable: false,
      problems,
    })
    assert.equal(problemContentType, 'application/problem+json')
  })

  it('hides what an unknown error says behind TM_CORE_INTERNAL', () => {
    for (const thrown of [new Error('password=1'), 'password=1', undefined]) {
      const document = problemDocument(thrown)
      assert.equal(document.code, 'TM_CORE_INTERNAL')
      assert.equal(document.status, 500)
      assert.doesNotMatch(JSON.stringify(document), /password/u)
    }
  })
})
