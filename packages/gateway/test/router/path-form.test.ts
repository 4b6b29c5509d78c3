import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { normalPath } from '@tidemill/gateway/router'

describe('path normalising', () => {
  const vectors: readonly (readonly [string, string | undefined])[] = [
    ['/a/b', '/a/b'],
    ['/%61dmin', '/admin'],
    ['/a/../b', '/b'],
    ['/a/./b', '/a/b'],
    ['/admin/%2e%2e/x', '/x'],
    ['/a/..', '/'],
    ['/a/b/.', '/a/b/'],
    ['/../../x', '/x'],
    ['/a//../b', '/a/b'],
    ['//evil/x', '//evil/x'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%2Fb', '/a%2Fb'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/%25zz', '/%25zz'],
    ['/%252e%252e/x', '/%252e%252e/x'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
    ['/%zz', undefined],
    ['/%', undefined],
    ['/%00', undefined],
  ]
  for (const [path, form] of vectors) {
    it(`${path} becomes ${form ?? 'a refusal'}`, () => assert.equal(normalPath(path), form))
  }
})
