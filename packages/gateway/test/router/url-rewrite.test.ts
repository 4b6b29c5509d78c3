import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { redirectUrl, rewritePath } from '@tidemill/gateway/router'

describe('prefix replacement, table of httproute_types.go', () => {
  for (const [path, prefix, replacement, result] of [
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/bar', '', '/xyz', '/xyz/bar'],
  ] as const) {
    it(`${path}, ${prefix} to "${replacement}" is ${result}`, () => {
      const modifier = { type: 'ReplacePrefixMatch', replacePrefixMatch: replacement } as const
      assert.equal(rewritePath(path, prefix, modifier), result)
    })
  }

  it('replaces a whole path', () => {
    const modifier = { type: 'ReplaceFullPath', replaceFullPath: '/one' } as const
    assert.equal(rewritePath('/foo/bar', '/foo', modifier), '/one')
  })
})

describe('redirect target', () => {
  const request = { host: 'a.test:8080', path: '/x', query: 'y=1', prefix: '', port: 8080 }
  for (const [filter, url] of [
    [{}, 'http://a.test:8080/x?y=1'],
    [{ scheme: 'https' }, 'https://a.test/x?y=1'],
    [{ scheme: 'http' }, 'http://a.test/x?y=1'],
    [{ scheme: 'https', port: 8443 }, 'https://a.test:8443/x?y=1'],
    [{ port: 80 }, 'http://a.test/x?y=1'],
    [{ scheme: 'https', port: 443 }, 'https://a.test/x?y=1'],
    [{ hostname: 'b.test' }, 'http://b.test:8080/x?y=1'],
  ] as const) {
    it(`${JSON.stringify(filter)} goes to ${url}`, () => {
      assert.equal(redirectUrl(filter, request), url)
    })
  }
})
