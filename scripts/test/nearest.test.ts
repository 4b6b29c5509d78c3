import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, nearest, unknownName } from '../lib/nearest.ts'

test('edit distance counts insertions, deletions and substitutions', () => {
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('same', 'same'), 0)
})

test('the nearest name is suggested only when it can have been meant', () => {
  assert.equal(nearest('breakr', ['router', 'breaker']), 'breaker')
  assert.equal(nearest('sql', ['router', 'sql-group-commit']), 'sql-group-commit')
  assert.equal(nearest('xyzzy', ['router', 'breaker']), undefined)
})

test('an unknown name is answered with a suggestion or with what is known', () => {
  assert.equal(
    unknownName('bench', 'rooter', ['router']),
    'unknown bench "rooter"; did you mean router?',
  )
  assert.equal(
    unknownName('bench', 'q', ['router', 'breaker']),
    'unknown bench "q"; known: router, breaker',
  )
})
