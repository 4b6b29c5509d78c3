import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Problem, TidemillError } from '@tidemill/core'
import { defineSaga, type SagaSpec } from '@tidemill/saga'

function problemsOf(spec: SagaSpec<null>): readonly string[] {
  try {
    defineSaga(import.meta.url, 'x', spec)
  } catch (error) {
    assert.equal((error as TidemillError).code, 'TM_SAGA_DEFINITION')
    return ((error as TidemillError).details['problems'] as Problem[]).map(({ path }) => path)
  }
  return []
}

describe('defineSaga', () => {
  it('reports every problem of a definition at once, with its path', () => {
    const paths = problemsOf({
      type: 'no spaces',
      version: 0,
      deadline: '5',
      steps: [
        { name: 'a', to: 'x', kind: 'pivot', timeout: 'soon' },
        { name: 'a', to: '', kind: 'compensatable', retry: { max: 0 } },
        { name: 'b', to: 'x', kind: 'sideways' as 'pivot' },
      ],
    })
    assert.deepEqual(paths.toSorted(), [
      '/deadline',
      '/steps/0/timeout',
      '/steps/1/kind',
      '/steps/1/name',
      '/steps/1/retry/max',
      '/steps/1/to',
      '/steps/2/kind',
      '/type',
      '/version',
    ])
    assert.deepEqual(problemsOf({ type: 't', version: 1, steps: [] }), ['/steps'])
  })

  it('refuses a second pivot', () => {
    const step = { to: 'x', kind: 'pivot' } as const
    const steps = [
      { name: 'a', ...step },
      { name: 'b', ...step },
    ]
    assert.deepEqual(problemsOf({ type: 't', version: 1, steps }), ['/steps/1/kind'])
  })

  it('takes the last compensatable step as the point of no return when there is no pivot', () => {
    const saga = defineSaga(import.meta.url, 'x', {
      type: 't',
      version: 3,
      steps: [
        { name: 'a', to: 'x', kind: 'compensatable' },
        { name: 'b', to: 'x', kind: 'compensatable' },
        { name: 'c', to: 'x', kind: 'retriable' },
      ],
    })
    assert.equal(saga.commitIndex, 1)
    assert.equal(saga.key, 't/3')
    assert.deepEqual(saga.steps[0]?.retry, { max: 20, baseMs: 100, capMs: 60_000 })
  })
})
